import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { createEngine } from '../../../function/src/create-engine.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { sharedCacheDir } from '../../support/embedded-model.ts';
import { quickSettings } from '../../support/settings.ts';

const root = join(import.meta.dirname, '../../..');
const apple = await readFile(join(root, 'docs/images/a-red-apple.png'));
const size = 128;

/** White in a rectangle, black elsewhere. */
const rectangle = (left: number, top: number, width: number, height: number) =>
  sharp({ create: { width: size, height: size, channels: 3, background: 'black' } })
    .composite([{ input: { create: { width, height, channels: 3, background: 'white' } }, left, top }])
    .png()
    .toBuffer();

describe('drawing from a picture with the embedded model', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({ cacheDir: sharedCacheDir });
  });
  after(() => engine.close());

  async function draw(changes: Partial<GenerateSettings>, mask?: Buffer) {
    const settings = quickSettings({ width: size, height: size, initImage: 'init', ...changes });
    const files: Record<string, Buffer | undefined> = { init: apple, mask };
    const { images } = await engine.generate(settings, { readUpload: async (key) => files[key] });
    const { data, info } = await sharp(images[0]?.data).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  }
  const original = () => sharp(apple).removeAlpha().raw().toBuffer();
  const largestError = (a: Buffer, b: Buffer) =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0);
  const pixelOf = (data: Buffer, x: number, y: number, width = size) => [
    ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
  ];

  const golden: Partial<GenerateSettings> = {
    prompt: 'a green apple',
    seed: 11,
    rng: 'cpu',
    steps: 10,
    strength: 0.7,
    guidanceScale: 5,
  };
  for (const [name, changes] of [
    ['img2img', {}],
    ['inpaint', { mask: 'mask', maskBlur: 0 }],
  ] as const) {
    test(`${name}: the picture of CompVis' own code, within 2 levels`, async (t) => {
      const { data } = await draw({ ...golden, ...changes }, await rectangle(size / 2, 0, size / 2, size));
      const expected = await sharp(join(root, `test/fixtures/mini/${name}.png`))
        .removeAlpha()
        .raw()
        .toBuffer();
      const error = largestError(data, expected);
      t.diagnostic(`largest difference ${error}`);
      assert.ok(error <= 2, `off by ${error}`);
    });
  }

  test('strength decides how much of the picture is left', async () => {
    const distance = async (strength: number) => {
      const [{ data }, kept] = [await draw({ strength, steps: 10, prompt: 'a green apple' }), await original()];
      return data.reduce((sum, value, i) => sum + Math.abs(value - (kept[i] ?? 0)), 0) / data.length;
    };
    const [little, half, much] = [await distance(0), await distance(0.5), await distance(1)];
    assert.ok(little < 3, `${little}`);
    assert.ok(little < half && half < much, `${little} ${half} ${much}`);
  });

  test('image i is the same alone and as one of many', async () => {
    const settings = quickSettings({ width: size, height: size, initImage: 'init', strength: 0.5, seed: 3 });
    const readUpload = async () => apple;
    const two = await engine.generate({ ...settings, count: 2 }, { readUpload });
    const alone = await engine.generate({ ...settings, seed: 4 }, { readUpload });
    assert.deepEqual(two.images[1]?.data, alone.images[0]?.data);
  });

  for (const sampler of ['ddim', 'plms', 'unipc', 'euler_a', 'dpmpp_sde', 'lcm'] as const) {
    test(`${sampler} leaves what the mask covers to the byte, and draws the rest`, async () => {
      const schedule = { ddim: 'ddim_uniform', plms: 'ddim_uniform' } as const;
      const { data } = await draw(
        {
          prompt: 'a blue heart',
          mask: 'mask',
          maskBlur: 2,
          strength: 0.9,
          steps: 4,
          sampler,
          schedule: sampler in schedule ? 'ddim_uniform' : 'normal',
        },
        await rectangle(64, 0, 64, 128),
      );
      const kept = await original();
      for (const y of [3, 64, 120]) {
        for (const x of [0, 30, 52]) assert.deepEqual(pixelOf(data, x, y), pixelOf(kept, x, y), `${x}, ${y}`);
      }
      assert.notDeepEqual(pixelOf(data, 90, 64), pixelOf(kept, 90, 64));
    });
  }

  test('what lies under the mask is chosen, and an inverted mask draws the rest', async () => {
    const mask = await rectangle(64, 0, 64, 128);
    const fills = ['original', 'fill', 'latent_noise', 'latent_nothing'] as const;
    const settings = { prompt: 'a fox', mask: 'mask', maskBlur: 0, strength: 0.6 };
    const drawn = await Promise.all(fills.map((maskFill) => draw({ ...settings, maskFill }, mask)));
    assert.equal(new Set(drawn.map(({ data }) => data.toString('base64'))).size, fills.length);
    const inverted = await draw({ ...settings, invertMask: true }, mask);
    assert.deepEqual(inverted.data, (await draw(settings, await rectangle(0, 0, 64, 128))).data);
  });

  test('only-masked draws a small part large and keeps the size of the initial picture', async () => {
    const settings = { prompt: 'a fox', mask: 'mask', maskBlur: 2, strength: 0.9, inpaintArea: 'masked' } as const;
    const { data, width, height } = await draw(
      { ...settings, maskPadding: 8, width: 64, height: 64 },
      await rectangle(80, 10, 24, 24),
    );
    assert.deepEqual([width, height], [size, size]);
    const kept = await original();
    assert.deepEqual(pixelOf(data, 40, 100), pixelOf(kept, 40, 100));
    assert.deepEqual(pixelOf(data, 60, 20), pixelOf(kept, 60, 20));
    assert.notDeepEqual(pixelOf(data, 92, 22), pixelOf(kept, 92, 22));
    await assert.rejects(draw(settings, await rectangle(0, 0, 1, 1).then(() => blackPicture())), { field: 'mask' });
  });

  const blackPicture = () =>
    sharp({ create: { width: 16, height: 16, channels: 3, background: 'black' } })
      .png()
      .toBuffer();

  test('outpainting puts the picture within its margins', async () => {
    const { data, width } = await draw({
      width: 192,
      height: 160,
      strength: 0.9,
      maskBlur: 0,
      maskFill: 'fill',
      outpaint: { left: 64, top: 32, right: 0, bottom: 0 },
    });
    const kept = await original();
    assert.deepEqual(pixelOf(data, 64 + 100, 32 + 60, width), pixelOf(kept, 100, 60));
    assert.deepEqual(pixelOf(data, 191, 159, width), pixelOf(kept, 127, 127));
  });

  test('a picture that is gone is refused, naming it', async () => {
    const settings = quickSettings({ initImage: 'other', strength: 0.5 });
    await assert.rejects(engine.generate(settings, { readUpload: async () => undefined }), { field: 'initImage' });
    await assert.rejects(engine.generate(settings), { field: 'initImage' });
  });

  for (const upscaler of ['latent', 'lanczos'] as const) {
    test(`the enlarging run (${upscaler}) counts its steps and keeps what it is given at strength 0`, async () => {
      const hires = { scale: 1.5, steps: 3, strength: 0.5, upscaler };
      const steps: [number, number][] = [];
      const settings = quickSettings({ width: 64, height: 64, steps: 4, hires });
      const { images } = await engine.generate(settings, {
        onPhase: (phase) => phase.name === 'denoising' && steps.push([phase.step, phase.steps]),
      });
      assert.deepEqual([images[0]?.width, images[0]?.height], [96, 96]);
      assert.deepEqual(
        [...new Set(steps.map(String))],
        [0, 1, 2, 3, 4, 5, 6].map((step) => `${step},6`),
      );
      const [small, large] = await Promise.all(
        [{}, { hires: { ...hires, strength: 0 } }].map(async (changes) => {
          const { images: drawn } = await engine.generate(quickSettings({ width: 64, height: 64, ...changes }));
          return sharp(drawn[0]?.data).removeAlpha().resize(64, 64).raw().toBuffer();
        }),
      );
      const mean = (large ?? small)?.reduce((sum, value, i) => sum + Math.abs(value - (small?.[i] ?? 0)), 0) ?? 0;
      assert.ok(mean / (64 * 64 * 3) < 12, `enlarged picture is off by ${mean / (64 * 64 * 3)} on average`);
    });
  }
});
