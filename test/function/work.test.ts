import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GenerateInput, GenerateSettings, ModelInfo } from '@safelight/sdk/contract';
import { stableDiffusionV1 } from '../../function/src/graphs/model-config.ts';
import type { DiffusionModel } from '../../function/src/pipeline/diffusion-model.ts';
import { drawLatents } from '../../function/src/pipeline/draw-latents.ts';
import { cellSettings } from '../../function/src/pipeline/grid/grid-cells.ts';
import { constantPrompts } from '../../function/src/pipeline/guidance.ts';
import { samplers } from '../../function/src/pipeline/schedulers/index.ts';
import { concat, tensor } from '../../function/src/runtime/tensor.ts';
import { workOf } from '../../function/src/work.ts';
import { resolve as resolveInput, tinyModel } from './pipeline/tiny-model.ts';

const info: ModelInfo = {
  ...tinyModel,
  limits: { minSize: 16, maxSize: 256 },
  defaults: { width: 24, height: 16, steps: 12, guidanceScale: 5, sampler: 'euler' },
};
const initImage = `uploads/me/${'a'.repeat(64)}.png`;
const prompts = constantPrompts(tensor(Float32Array.of(3), [1, 1, 1]), tensor(Float32Array.of(1), [1, 1, 1]));

const resolve = (input: Omit<GenerateInput, 'prompt'>): GenerateSettings =>
  resolveInput({ prompt: 'x', ...input }, info);

/** What the UNet takes for so many pixels, by how long it took for 512² and 1024². */
const takenFor = (pixels: number): number => pixels + pixels ** 2 / 966_289;

/** What the pipeline asks of the UNet for one picture, of one prompt at a time; a tenth where deep features are reused. */
async function countedWork(settings: GenerateSettings): Promise<number> {
  let counted = 0;
  const model = {
    info,
    config: stableDiffusionV1,
    async predictNoise(latents, _timestep, { dims: [rows = 0] }, deep) {
      const [, , height = 0, width = 0] = latents.dims;
      counted += rows * takenFor(height * 8 * width * 8) * (deep?.value === undefined ? 1 : 0.1);
      if (deep !== undefined) deep.value ??= latents;
      return concat(Array.from({ length: rows }, () => latents));
    },
    async encodeImage({ dims: [, , height = 0, width = 0] }) {
      const latents = tensor(new Float32Array((4 * height * width) / 64), [1, 4, height / 8, width / 8]);
      return { mean: latents, deviation: latents };
    },
  } as Pick<DiffusionModel, 'info' | 'config' | 'predictNoise' | 'encodeImage'> as DiffusionModel;
  const { width, height } = settings;
  const picture = { data: new Uint8Array(width * height * 3), width, height, channels: 3 as const };
  const start =
    settings.initImage === undefined ? undefined : { picture, mask: undefined, finish: async () => picture };
  await drawLatents({ model, settings, prompts, start, offset: 0, onStep() {} });
  return counted;
}

/** As many as the pipeline asks for, but for rounding. */
async function assertCounted(settings: GenerateSettings): Promise<void> {
  const pictures = settings.grid === undefined ? [settings] : cellSettings(settings, info);
  let counted = 0;
  for (const picture of pictures) counted += await countedWork(picture);
  const { denoised } = workOf(settings);
  assert.ok(Math.abs(denoised - counted) < 1e-6 * counted || denoised === counted, `${denoised}, not ${counted}`);
}

describe('the work that settings mean is what the pipeline asks of the UNet', () => {
  const settings = {
    'as the sampler makes its steps': {},
    'without guidance': { guidanceScale: 1 },
    'with guidance in a part of the run': { guidanceStart: 0.3, guidanceEnd: 0.8 },
    'with deep features reused': { deepCache: 3 },
    'with both': { guidanceStart: 0.3, guidanceEnd: 0.8, deepCache: 2 },
    'from a picture': { initImage, strength: 0.4 },
    'from a picture that next to nothing is changed of': { initImage, strength: 0.01 },
    'and enlarged': { hires: { scale: 2, strength: 0.5 } },
    'and enlarged in steps of its own': { hires: { scale: 1.5, steps: 3, strength: 0.3 }, guidanceEnd: 0.5 },
    'and only enlarged': { steps: 1, hires: { scale: 2, strength: 0 } },
  } satisfies Record<string, Omit<GenerateInput, 'prompt'>>;

  for (const [name, input] of Object.entries(settings))
    test(name, async () => {
      for (const sampler of Object.keys(samplers)) await assertCounted(resolve({ ...input, sampler }));
    });

  test('in as many steps as there really are', async () => {
    for (const [sampler, steps] of [
      ['ddim', 30],
      ['plms', 30],
      ['restart', 20],
      ['restart', 40],
    ] as const)
      await assertCounted(resolve({ sampler, steps }));
    for (const schedule of ['beta', 'ddim_uniform', 'karras', 'simple'])
      for (const sampler of ['restart', 'heun']) await assertCounted(resolve({ sampler, schedule, steps: 30 }));
  });

  test('in every picture of a grid', async () => {
    const x = [{ sampler: 'Euler a' }, { sampler: 'DPM++ 2S a' }, { sampler: 'k_lms' }];
    const y = [
      { schedule: 'Karras', steps: 3 },
      { schedule: 'automatic', steps: 9 },
    ];
    await assertCounted(resolve({ grid: { x, y } }));
    await assertCounted(resolve({ grid: { x: [{ guidanceScale: 1 }, { guidanceScale: 5 }], y: [{ deepCache: 2 }] } }));
    await assertCounted(resolve({ initImage, grid: { x: [{ strength: 0.2 }, { strength: 0.9 }] } }));
  });
});

test('larger pictures take what they were measured to take, attention included', () => {
  const large = { ...info, limits: { minSize: 16, maxSize: 1024 } };
  const workFor = (size: number) => workOf(resolveInput({ prompt: 'x', width: size, height: size }, large)).denoised;
  // Seconds of a guided step with the full-size model: docs/benchmarks.md.
  for (const [size, seconds] of [
    [256, 1.2],
    [768, 15.08],
    [1024, 34.99],
  ] as const) {
    const ratio = workFor(size) / workFor(512) / (seconds / 5.33);
    assert.ok(ratio > 0.9 && ratio < 1.1, `${size}: ${ratio} of what was measured`);
  }
});

describe('pixels that are decoded', () => {
  const pixelsOf = (input: Omit<GenerateInput, 'prompt'>) => workOf(resolve(input)).decoded / (24 * 16);

  test('are those of all pictures at their final size', () => {
    assert.equal(pixelsOf({}), 1);
    assert.equal(pixelsOf({ count: 3, hires: { scale: 2 } }), 12);
    assert.equal(pixelsOf({ grid: { x: [{ steps: 2 }, { steps: 3 }], y: [{ seed: 1 }, { seed: 2 }] } }), 4);
  });
});
