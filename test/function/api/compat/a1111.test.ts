/** A client of AUTOMATIC1111's API, pointed at a Safelight server. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { GenerateSettings } from '@safelight/sdk/contract';
import sharp from 'sharp';
import * as client from 'stable-diffusion-api';
import { encodeImage } from '../../../../function/src/pipeline/image/encode-image.ts';
import { createFakeEngine, type FakeEngineOptions, fakeImageData } from '../../jobs/fake-engine.ts';
import { createApiClient } from '../api-client.ts';
import { serve } from '../serve-fixture.ts';

const KEY = 'a-key-that-nobody-guesses';

/** A server, a client for it, and what the engine was asked to draw. */
const open = async (engine: FakeEngineOptions = {}, options: Parameters<typeof serve>[1] = {}) => {
  const drawn: GenerateSettings[] = [];
  const fake = createFakeEngine({ ...engine, onGenerate: (settings) => void drawn.push(settings) });
  const served = await serve(fake, options);
  const a1111 = new client.StableDiffusionApi({ baseUrl: served.server.url });
  const call = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${served.server.url}/sdapi/v1/${path}`, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
  };
  return { ...served, a1111, drawn, call, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
};

const rgb = { create: { width: 64, height: 64, channels: 3 as const, background: 'red' } };
const picture = () => sharp(rgb);

describe('txt2img', () => {
  test('draws with what a client sends, and answers as the web UI does', async () => {
    await using opened = await open();
    const result = await opened.a1111.txt2img({
      prompt: 'a red apple',
      negative_prompt: 'blur',
      batch_size: 2,
      n_iter: 1,
      seed: 7,
      steps: 5,
      cfg_scale: 3,
      width: 128,
      height: 64,
      sampler_name: 'DPM++ 2M Karras',
    });
    assert.equal(result.images.length, 2);
    const { images, parameters } = result.response.data as { images: string[]; parameters: Record<string, unknown> };
    assert.deepEqual(Buffer.from(images[1] ?? '', 'base64'), Buffer.from(fakeImageData(8)));
    assert.deepEqual([parameters.prompt, parameters.init_images], ['a red apple', null]);
    const info = JSON.parse(result.info);
    assert.deepEqual([info.seed, info.all_seeds, info.steps, info.sampler_name], [7, [7, 8], 5, 'DPM++ 2M']);
    assert.deepEqual([info.width, info.height, info.sd_model_name, info.infotexts.length], [128, 64, 'fake', 2]);
    const [drawn] = opened.drawn;
    assert.deepEqual([drawn?.negativePrompt, drawn?.guidanceScale, drawn?.count], ['blur', 3, 2]);
    // The client sends `eta: 1` with whatever sampler; this one has no use for it.
    assert.equal(drawn?.eta, 0);
  });

  test('an empty request draws with the defaults of the model', async () => {
    await using opened = await open();
    const { status, body } = await opened.call('txt2img', {});
    assert.equal(status, 200, JSON.stringify(body));
    const [drawn] = opened.drawn;
    assert.deepEqual([drawn?.prompt, drawn?.width, drawn?.steps, drawn?.hires], ['', 64, 4, undefined]);
  });

  test('hires fix', async () => {
    await using opened = await open();
    await opened.a1111.txt2img({ prompt: 'a fox', width: 64, height: 64, enable_hr: true, denoising_strength: 0.5 });
    const lanczos = { enable_hr: true, hr_upscaler: 'Lanczos', hr_scale: 1.5, hr_second_pass_steps: 3 };
    await opened.call('txt2img', { prompt: 'a fox', ...lanczos });
    assert.deepEqual(
      opened.drawn.map(({ hires }) => hires),
      [
        { scale: 2, strength: 0.5, upscaler: 'latent' },
        { scale: 1.5, strength: 0.75, upscaler: 'lanczos', steps: 3 },
      ],
    );
  });

  test("passes the sampler's settings on where it takes them, in the web UI's sense", async () => {
    await using opened = await open();
    const noise = { eta: 0.5, s_churn: 2, s_tmin: 0.1, s_tmax: 0, s_noise: 1.01 };
    await opened.call('txt2img', { sampler_name: 'Euler', scheduler: 'Karras', ...noise });
    await opened.call('txt2img', { sampler_index: 'DDIM', scheduler: 'Karras', ...noise });
    await opened.call('txt2img', { sampler_name: 'Euler a', scheduler: 'Automatic', ...noise });
    const seen = opened.drawn.map(({ sampler, schedule, eta, sChurn, sTmax }) => [
      sampler,
      schedule,
      eta,
      sChurn,
      sTmax,
    ]);
    assert.deepEqual(seen[0], ['euler', 'karras', 0, 2, undefined]);
    // DDIM has a schedule of its own.
    assert.deepEqual(seen[1], ['ddim', 'ddim_uniform', 0.5, undefined, undefined]);
    assert.deepEqual(seen[2]?.slice(2, 4), [0.5, undefined]);
  });

  test('variations of a seed', async () => {
    await using opened = await open();
    const { body } = await opened.call('txt2img', { seed: -1, subseed: 5, subseed_strength: 0.2, n_iter: 2 });
    assert.deepEqual([opened.drawn[0]?.subseed, opened.drawn[0]?.subseedStrength], [5, 0.2]);
    assert.deepEqual(JSON.parse(body.info as string).all_subseeds, [5, 6]);
  });

  test('refuses what it cannot do rather than draw something else', async () => {
    await using opened = await open();
    const refusals: [Record<string, unknown>, RegExp][] = [
      [{ steps: 0 }, /steps must be/],
      [{ steps: 'many' }, /steps must be a number/],
      [{ cfg_scale: 1000 }, /cfg_scale must be/],
      [{ prompt: 7 }, /prompt must be a text/],
      [{ tiling: true }, /tiling is not possible/],
      [{ restore_faces: true }, /restore_faces/],
      [{ script_name: 'X/Y/Z plot' }, /script_name/],
      [{ styles: ['cinematic'] }, /styles/],
      [{ alwayson_scripts: { ControlNet: { args: [{}] } } }, /no script "ControlNet"/],
      [{ enable_hr: true, hr_upscaler: 'ESRGAN_4x' }, /hr_upscaler must be one of Latent, Lanczos, None/],
      [{ enable_hr: true, hr_resize_x: 1000 }, /hr_scale/],
      [{ batch_size: 8, n_iter: 8 }, /batch_size × n_iter must be/],
      [{ override_settings: { CLIP_stop_at_last_layers: 40 } }, /CLIP_stop_at_last_layers must be/],
      [{ override_settings: { skip_early_cond: 2 } }, /skip_early_cond must be/],
    ];
    for (const [fields, message] of refusals) {
      const { status, body } = await opened.call('txt2img', { prompt: 'a fox', ...fields });
      assert.equal(status, 422, JSON.stringify([fields, body]));
      assert.match(String(body.detail), message);
    }
    assert.equal((await opened.call('txt2img', '{"prompt":')).status, 422);
    assert.equal((await opened.call('txt2img', '[]')).status, 422);
    assert.equal((await opened.call('extra-single-image', {})).status, 404);
    assert.equal(opened.drawn.length, 0);
  });
});

describe('img2img', () => {
  const readUpload = async (opened: Awaited<ReturnType<typeof open>>, key = '') =>
    await sharp(`${opened.folder.path}/objects/${key}`).greyscale().raw().toBuffer();

  test('starts from the picture', async () => {
    await using opened = await open();
    await opened.a1111.img2img({
      init_images: [picture()],
      prompt: 'a blue apple',
      denoising_strength: 0.4,
      resize_mode: 1,
      width: 64,
      height: 64,
    } as never);
    const [drawn] = opened.drawn;
    assert.deepEqual([drawn?.strength, drawn?.resizeMode, drawn?.mask], [0.4, 'crop', undefined]);
    assert.match(drawn?.initImage ?? '', /^uploads\/local\//);
  });

  test("inpaints with the web UI's own defaults, and with its choices", async () => {
    await using opened = await open();
    const image = (await picture().png().toBuffer()).toString('base64');
    await opened.call('img2img', { init_images: [image], mask: image });
    const chosen = { inpainting_fill: 2, inpaint_full_res: false, inpainting_mask_invert: 1, mask_blur: 9 };
    await opened.call('img2img', { init_images: [image], mask: image, ...chosen });
    const [plain, other] = opened.drawn;
    const seen = (s?: GenerateSettings) => [s?.maskFill, s?.inpaintArea, s?.maskPadding, s?.maskBlur, s?.invertMask];
    assert.deepEqual(seen(plain), ['fill', 'masked', 0, 4, false]);
    assert.deepEqual(seen(other), ['latent_noise', 'whole', undefined, 9, true]);
  });

  test('a transparent mask is drawn where it is opaque, whatever its colour', async () => {
    await using opened = await open();
    const black = Buffer.alloc(64 * 64 * 4);
    for (let i = 0; i < 64 * 64; i++) black[i * 4 + 3] = i % 64 < 32 ? 255 : 0;
    const mask = await sharp(black, { raw: { width: 64, height: 64, channels: 4 } })
      .png()
      .toBuffer();
    const image = (await picture().jpeg().toBuffer()).toString('base64');
    const dataUrl = `data:image/png;base64,${mask.toString('base64')}`;
    const { status } = await opened.call('img2img', { init_images: [image], mask: dataUrl });
    assert.equal(status, 200);
    const pixels = await readUpload(opened, opened.drawn[0]?.mask);
    assert.deepEqual([pixels[0], pixels[63]], [255, 0]);
  });

  test('refuses hostile and wrong pictures', async () => {
    await using opened = await open();
    const image = (await picture().png().toBuffer()).toString('base64');
    const refusals: [Record<string, unknown>, RegExp][] = [
      [{}, /init_images must be a list/],
      [{ init_images: [image, image] }, /init_images must be a list of one/],
      [{ init_images: [7] }, /init_images must be a picture/],
      [{ init_images: ['http://169.254.169.254/latest'] }, /init_images is an address/],
      [{ init_images: ['%%%'] }, /init_images is not a PNG/],
      [{ init_images: [Buffer.from('<svg/>').toString('base64')] }, /init_images is not a PNG/],
      [
        { init_images: [Buffer.concat([Buffer.from(image, 'base64'), Buffer.alloc(21 * 2 ** 20)]).toString('base64')] },
        /larger than 20 MiB/,
      ],
      [{ init_images: [image], mask: image.slice(0, 80) }, /mask cannot be read/],
      [{ init_images: [image], mask: image, inpainting_fill: 9 }, /inpainting_fill must be/],
      [{ init_images: [image], resize_mode: 3 }, /resize_mode must be/],
    ];
    for (const [fields, message] of refusals) {
      const { status, body } = await opened.call('img2img', fields);
      assert.equal(status, 422, JSON.stringify(body));
      assert.match(String(body.detail), message);
    }
    assert.equal(opened.drawn.length, 0);
  });
});

describe('progress and interrupt', () => {
  test('progress follows the job of its own caller, and interrupt ends it', async () => {
    await using opened = await open(
      { stepMs: 20 },
      { heartbeatMs: 50, phaseIntervalMs: 20, apiKeys: [KEY, `${KEY}-2`] },
    );
    const { jobs } = createApiClient(opened.server.url, { authorization: `Bearer ${KEY}` });
    const listJobs = async () => (await jobs.list.query({})).jobs;
    const basic = (key: string) => ({ authorization: `Basic ${btoa(`me:${key}`)}` });
    opened.a1111.setAuth('me', KEY);
    const idle = await opened.a1111.getProgress();
    assert.deepEqual([idle.progress, idle.eta_relative, idle.current_image], [0, 0, null]);

    const drawing = opened.call('txt2img', { prompt: 'a fox', steps: 400 }, basic(KEY));
    let progress = idle;
    while (progress.progress <= 0) {
      await delay(10);
      progress = await opened.a1111.getProgress(true);
    }
    assert.ok(progress.progress < 1 && progress.eta_relative > 0);
    assert.equal(progress.state.sampling_steps, 400);
    assert.ok(progress.state.sampling_step > 0);

    // Another caller sees nothing of it, and cannot end it.
    const other = basic(`${KEY}-2`);
    assert.equal((await opened.call('progress', undefined, other)).body.progress, 0);
    assert.equal((await opened.call('interrupt', {}, other)).status, 200);
    assert.ok((await opened.a1111.getProgress()).progress > 0);

    // The next one is not touched.
    const next = opened.call('txt2img', { prompt: 'a dog', steps: 1 }, basic(KEY));
    while ((await listJobs()).length < 2) await delay(10);
    assert.equal((await opened.call('interrupt', {}, basic(KEY))).status, 200);
    const { status, body } = await drawing;
    assert.deepEqual([status, body.error], [499, 'canceled']);
    assert.equal((await next).status, 200);
    assert.equal((await opened.a1111.getProgress()).progress, 0);
  });
});

describe('settings and lists', () => {
  test('options are kept for their caller, and can be overridden by one request', async () => {
    await using opened = await open();
    assert.equal((await opened.a1111.getOptions()).sd_model_checkpoint, 'fake');
    assert.equal(await opened.a1111.getCurrentModel(), 'fake');
    await opened.a1111.setOptions({
      sd_model_checkpoint: 'fake.safetensors [0123abcd]',
      CLIP_stop_at_last_layers: 2,
      skip_early_cond: 0.25,
      samples_format: 'jpg',
      randn_source: 'CPU',
      no_such_option: true,
    } as never);
    const options = await opened.a1111.getOptions();
    assert.deepEqual([options.CLIP_stop_at_last_layers, options.samples_format], [2, 'jpg']);
    await opened.call('txt2img', { prompt: 'a fox' });
    await opened.call('txt2img', { prompt: 'a fox', override_settings: { CLIP_stop_at_last_layers: 3 } });
    await opened.call('txt2img', { prompt: 'a fox' });
    const seen = opened.drawn.map(({ clipSkip, guidanceStart, format, rng }) => [clipSkip, guidanceStart, format, rng]);
    assert.deepEqual(
      seen,
      [2, 3, 2].map((clipSkip) => [clipSkip, 0.25, 'jpeg', 'cpu']),
    );
    const { status, body } = await opened.call('options', { sd_model_checkpoint: 'sdxl' });
    assert.equal(status, 404);
    assert.match(String(body.detail), /use one of fake/);
  });

  test('samplers, schedulers and upscalers are those that requests may name', async () => {
    await using opened = await open();
    const samplers = await opened.a1111.getSamplers();
    assert.ok(samplers.some(({ name, aliases }) => name === 'DPM++ 2M' && aliases.includes('k_dpmpp_2m')));
    for (const { name } of samplers)
      assert.equal((await opened.call('txt2img', { sampler_name: name })).status, 200, name);
    const schedulers = (await opened.call('schedulers')).body as unknown as { name: string; label: string }[];
    for (const { name, label } of schedulers) {
      assert.equal((await opened.call('txt2img', { sampler_name: 'Euler', scheduler: name })).status, 200, name);
      assert.equal((await opened.call('txt2img', { sampler_name: 'Euler', scheduler: label })).status, 200, label);
    }
    const upscalers = [
      ...(await opened.a1111.getUpscalers()),
      ...((await opened.call('latent-upscale-modes')).body as never),
    ];
    for (const { name } of upscalers as { name: string }[])
      assert.equal((await opened.call('txt2img', { enable_hr: true, hr_upscaler: name })).status, 200, name);
    const models = (await opened.call('sd-models')).body as unknown as Record<string, unknown>[];
    assert.deepEqual(
      models.map(({ title, model_name }) => [title, model_name]),
      [['fake', 'fake']],
    );
    for (const path of ['sd-vae', 'scripts', 'cmd-flags', 'face-restorers', 'hypernetworks'])
      assert.equal((await opened.call(path)).status, 200, path);
    await opened.a1111.refreshCheckpoints();
  });

  test('LoRAs and embeddings are listed, those that cannot be used apart', async () => {
    const usable = { name: 'ink', sha256: '0'.repeat(64), vectors: [new Float32Array(64), new Float32Array(64)] };
    await using served = await serve({
      ...createFakeEngine(),
      loras: async () => ['style', 'water'],
      embeddings: async () => [usable, { name: 'broken', problem: 'it is' }],
    });
    const get = async (path: string) => (await fetch(`${served.server.url}/sdapi/v1/${path}`)).json();
    assert.deepEqual(
      ((await get('loras')) as { name: string; alias: string }[]).map(({ name, alias }) => [name, alias]),
      [
        ['style', 'style'],
        ['water', 'water'],
      ],
    );
    const { loaded, skipped } = (await get('embeddings')) as Record<string, Record<string, Record<string, unknown>>>;
    assert.deepEqual([loaded?.ink?.shape, loaded?.ink?.vectors, Object.keys(loaded ?? {})], [64, 2, ['ink']]);
    assert.deepEqual(Object.keys(skipped ?? {}), ['broken']);
    await using without = await open();
    assert.deepEqual((await without.call('loras')).body, []);
    assert.deepEqual((await without.call('embeddings')).body, { loaded: {}, skipped: {} });
  });

  const metadata = (parameters: string) => ({ parameters, source: 'trainedAlgorithmicMedia' }) as const;

  test('png-info reads pictures of any tool', async () => {
    await using opened = await open();
    const text = 'a red apple\nNegative prompt: blur\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64';
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const { data } = await picture().raw().toBuffer({ resolveWithObject: true });
      const file = await encodeImage({ data, width: 64, height: 64, channels: 3 }, format, metadata(text));
      const { body } = await opened.call('png-info', { image: Buffer.from(file).toString('base64') });
      assert.equal(body.info, text);
      const {
        Prompt,
        'Negative prompt': negative,
        Sampler,
        'CFG scale': cfg,
      } = body.parameters as Record<string, string>;
      assert.deepEqual([Prompt, negative, Sampler, cfg], ['a red apple', 'blur', 'Euler a', '7']);
    }
    const told = await opened.a1111.pngInfo(picture());
    assert.equal(told.response.data.info, '');
    // A line without pairs, as long as a text may be, takes no time.
    const startedAt = performance.now();
    const long = await encodeImage(
      { data: new Uint8Array(3), width: 1, height: 1, channels: 3 },
      'png',
      metadata('a '.repeat(400_000)),
    );
    assert.equal((await opened.call('png-info', { image: Buffer.from(long).toString('base64') })).status, 200);
    assert.ok(performance.now() - startedAt < 5000);
  });
});

test('the password of Basic authorization is an API key, and so is a bearer token', async () => {
  await using opened = await open({}, { apiKeys: [KEY] });
  const refused = await opened.call('sd-models');
  assert.deepEqual([refused.status, refused.headers.get('www-authenticate')], [401, 'Basic']);
  assert.equal((await opened.call('sd-models', undefined, { authorization: `Basic ${btoa('me:wrong')}` })).status, 401);
  assert.equal((await opened.call('sd-models', undefined, { authorization: `Bearer ${KEY}` })).status, 200);
  opened.a1111.setAuth('me', KEY);
  assert.equal((await opened.a1111.txt2img({ prompt: 'a fox', width: 64, height: 64 })).images.length, 1);
  assert.doesNotMatch(opened.log.join('\n'), /nobody-guesses|a fox/);
});
