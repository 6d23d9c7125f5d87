import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { constantPrompts } from '../../../function/src/pipeline/guidance.ts';
import { createBatchNoise } from '../../../function/src/pipeline/original/batch-noise.ts';
import { drawBatch, type OriginalSampler } from '../../../function/src/pipeline/original/draw-batch.ts';
import { makeGrid } from '../../../function/src/pipeline/original/make-grid.ts';
import { createNoiseGenerator } from '../../../function/src/pipeline/random/noise-generator.ts';
import { tensor } from '../../../function/src/runtime/tensor.ts';

const values = 4 * 2 * 3;
/** The noise that it is shown is what it predicts. */
const model = {
  config: { vae: { embed_dim: 4 }, diffusion: { timesteps: 1000, linear_start: 0.00085, linear_end: 0.012 } },
  predictNoise: async (latents) => latents,
} as Pick<DiffusionModel, 'predictNoise'> as DiffusionModel;
const prompt = constantPrompts(tensor(new Float32Array(77), [1, 77, 1]), tensor(new Float32Array(77), [1, 77, 1]));

/** The generator's calls up to where a batch leaves it: which call the next draw is. */
async function callsOf(sampler: OriginalSampler, steps: number, eta = 0, startCode?: Float32Array): Promise<number> {
  const noise = createBatchNoise(42, 2 * values);
  await drawBatch({
    model,
    prompts: [prompt, prompt],
    width: 24,
    height: 16,
    sampler,
    steps,
    eta,
    guidanceScale: 1,
    noise,
    startCode,
    onStep() {},
  });
  const next = noise.draw();
  const generator = createNoiseGenerator('cuda', 42);
  for (let call = 0; call < 100; call += 1) {
    if (Buffer.from(generator.randn(2 * values).buffer).equals(Buffer.from(next.buffer))) return call;
  }
  return assert.fail('the batch left the sequence');
}

describe('draws of a batch, as the original makes them', () => {
  test('DDIM: where it starts, and one a step, also with an eta of 0', async () => {
    assert.equal(await callsOf('ddim', 4), 1 + 4);
    assert.equal(await callsOf('ddim', 4, 0.7), 1 + 4);
    // 30 steps are 31.
    assert.equal(await callsOf('ddim', 30), 1 + 31);
  });

  test('PLMS: one more in its first step', async () => assert.equal(await callsOf('plms', 5), 1 + 6));

  test('DPM-Solver: where it starts alone', async () => assert.equal(await callsOf('dpm_solver', 5), 1));

  test('with a fixed code none to start from', async () => {
    assert.equal(await callsOf('ddim', 4, 0, new Float32Array(2 * values)), 4);
  });

  test('a batch that is not full has the pictures of a full one', async () => {
    const draw = async (count: number) => {
      const noise = createBatchNoise(42, 2 * values);
      const prompts = Array.from({ length: count }, () => prompt);
      const settings = { model, prompts, width: 24, height: 16, sampler: 'ddim', steps: 3, eta: 1 } as const;
      return drawBatch({ ...settings, guidanceScale: 1, noise, onStep() {} });
    };
    const [full, part] = [await draw(2), await draw(1)];
    assert.deepEqual(part[0], full[0]);
    assert.notDeepEqual(full[1]?.data, full[0]?.data);
  });
});

describe('the grid', () => {
  const picture = (value: number) => ({
    data: new Uint8Array(2 * 1 * 3).fill(value),
    width: 2,
    height: 1,
    channels: 3,
  });
  const red = (sheet: { data: Uint8Array; width: number }) =>
    Array.from({ length: sheet.data.length / 3 / sheet.width }, (_, y) =>
      Array.from({ length: sheet.width }, (_, x) => sheet.data[(y * sheet.width + x) * 3]),
    );

  test('has two black pixels around each picture, as torchvision lays them out', () => {
    const rows = red(makeGrid([picture(1), picture(2), picture(3)], 2));
    assert.deepEqual(rows, [
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 1, 1, 0, 0, 2, 2, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 3, 3, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]);
  });

  test('is no wider than its pictures, and of one picture the picture', () => {
    assert.equal(makeGrid([picture(1), picture(2)], 5).width, 10);
    assert.deepEqual(makeGrid([picture(7)], 3), picture(7));
  });
});
