/** A client of AUTOMATIC1111's API, pointed at a Safelight server: what it asks beside pictures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeImage } from '../../../../function/src/pipeline/image/encode-image.ts';
import { createFakeEngine } from '../../jobs/fake-engine.ts';
import { createApiClient } from '../api-client.ts';
import { serve } from '../serve-fixture.ts';
import { KEY, open, picture } from './a1111-fixture.ts';

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
