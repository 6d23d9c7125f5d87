/** A client of AUTOMATIC1111's API, pointed at a Safelight server: the pictures it asks for. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { fakeImageData } from '../../jobs/fake-engine.ts';
import { open, picture } from './a1111-fixture.ts';

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
