import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import type { GenerateOptions } from '../../../function/src/engine.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import type { DeepFeatures } from '../../../function/src/pipeline/deep-cache.ts';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { gatherPredictions } from '../../../function/src/pipeline/gather-predictions.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { type Tensor, tensor } from '../../../function/src/runtime/tensor.ts';
import { createSingleModelEngine } from '../../../function/src/single-model-engine.ts';
import { openEmbeddedBundle } from '../../support/embedded-model.ts';
import { quickSettings } from '../../support/settings.ts';
import { watchPredictions } from './watch-predictions.ts';

/** Answers with latent + timestep × prompt, and tells of its runs. */
const createModel = (fail?: (rows: number) => void) => {
  const runs: number[] = [];
  const predictNoise: DiffusionModel['predictNoise'] = async (latents, timestep, prompts, deep) => {
    const [rows = 0] = prompts.dims;
    runs.push(rows);
    if (deep?.value !== undefined)
      return tensor(
        Float32Array.from(deep.value.data, (value) => -value),
        [rows, 1],
      );
    if (deep !== undefined) deep.value = tensor(Float32Array.from(prompts.data), [rows, 1]);
    fail?.(rows);
    const answer = Array.from({ length: rows }, (_, i) => {
      const at = typeof timestep === 'number' ? timestep : (timestep[i] as number);
      const latent = latents.data[latents.dims[0] === 1 ? 0 : i] as number;
      return latent + at * (prompts.data[i] as number);
    });
    return tensor(Float32Array.from(answer), [rows, 1]);
  };
  return { model: { predictNoise }, runs };
};
const rows = (...values: number[]): Tensor => tensor(Float32Array.from(values), [values.length, 1]);
const answered = async (prediction: Promise<Tensor>) => [...(await prediction).data];

describe('predictions that are asked for at once', () => {
  test('share a run, each with its own latents, timestep and prompts', async () => {
    const { model, runs } = createModel();
    const { predictNoise } = gatherPredictions(model, 100);
    const asked = [
      predictNoise(rows(1), 10, rows(2, 3)),
      predictNoise(rows(5), 7, rows(1)),
      predictNoise(rows(8, 9), 2, rows(1, 2)),
    ];
    assert.deepEqual(await Promise.all(asked.map(answered)), [[21, 31], [12], [10, 13]]);
    assert.deepEqual(runs, [5]);
  });

  test('share a run from their second step on, wherever each of them is', async () => {
    const { model, runs } = createModel();
    const { predictNoise } = gatherPredictions(model, 100);
    const draw = async (steps: number) => {
      for (let step = 0; step < steps; step++) await predictNoise(rows(1), step, rows(1));
    };
    const first = draw(4);
    await predictNoise(rows(1), 1, rows(1));
    await Promise.all([first, draw(5)]);
    assert.deepEqual(runs, [2, 2, 2, 2, 1, 1]);
  });

  test('take turns where their shapes differ, and where there is no room', async () => {
    const { model, runs } = createModel();
    const { predictNoise } = gatherPredictions(model, 3);
    const long = tensor(Float32Array.of(1, 1), [1, 2]);
    const asked = [rows(1, 1), long, rows(1, 1), rows(1), rows(1, 1, 1, 1)].map((prompts) =>
      predictNoise(rows(1), 1, prompts),
    );
    await Promise.all(asked);
    assert.deepEqual(runs, [3, 1, 2, 4]);
  });

  test('share a run with others that compute as much, and keep each its own deep features', async () => {
    const { model, runs } = createModel();
    const { predictNoise } = gatherPredictions(model, 100);
    const [a, b]: [DeepFeatures, DeepFeatures] = [{}, {}];
    const ask = () => [
      predictNoise(rows(1), 1, rows(10, 20), a),
      predictNoise(rows(2), 1, rows(30)),
      predictNoise(rows(3), 1, rows(40), b),
    ];
    assert.deepEqual(await Promise.all(ask().map(answered)), [[11, 21], [32], [43]]);
    assert.deepEqual([a, b], [{ value: rows(10, 20) }, { value: rows(40) }]);
    assert.deepEqual(await Promise.all(ask().map(answered)), [[-10, -20], [32], [-40]]);
    assert.deepEqual([a, b], [{ value: rows(10, 20) }, { value: rows(40) }]);
    assert.deepEqual(runs, [4, 3, 1]);
  });

  test('that memory does not suffice for are run in halves, from then on at once', async () => {
    const { model, runs } = createModel((count) => {
      if (count > 2) throw new FunctionError('out_of_memory', 'no room');
    });
    const { predictNoise } = gatherPredictions(model, 100);
    const ask = () => Promise.all([1, 2, 3, 4].map((value) => answered(predictNoise(rows(value), 1, rows(1)))));
    assert.deepEqual(await ask(), [[2], [3], [4], [5]]);
    assert.deepEqual(runs.splice(0), [4, 2, 2]);
    await ask();
    assert.deepEqual(runs, [2, 2]);
  });

  test('fail together, and the next ones do not', async () => {
    let isBroken = true;
    const { model } = createModel(() => {
      if (isBroken) throw new Error('lost');
    });
    const { predictNoise } = gatherPredictions(model, 100);
    const failed = await Promise.allSettled([predictNoise(rows(1), 1, rows(1)), predictNoise(rows(2), 1, rows(1))]);
    assert.deepEqual(
      failed.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    isBroken = false;
    assert.deepEqual(await answered(predictNoise(rows(1), 1, rows(1))), [2]);
  });
});

describe('generations that are drawn together', () => {
  const jobs: Partial<GenerateSettings>[] = [
    { seed: 1, steps: 6 },
    { seed: 2, steps: 4, prompt: 'a blue heart AND a fox', promptSyntax: 'a1111', guidanceScale: 9 },
    { seed: 3, steps: 5, sampler: 'euler_a', schedule: 'karras', eta: 1, guidanceScale: 1, count: 2 },
    { seed: 5, steps: 5, deepCache: 2 },
    { seed: 6, steps: 5, deepCache: 3, count: 2 },
    { seed: 4, steps: 3, sampler: 'dpmpp_2m', schedule: 'karras', prompt: 'a fox '.repeat(60), promptSyntax: 'a1111' },
  ];

  const openEngine = async (t: { after(cleanUp: () => Promise<void>): void }, batch: number) => {
    const bundle = await openEmbeddedBundle();
    const runs: number[] = [];
    const { model: info } = bundle.manifest;
    const open = async ({ host }: Parameters<Parameters<typeof createSingleModelEngine>[0][number]['open']>[0]) => {
      const model = await openModel(bundle, host);
      return { model: watchPredictions(model, (_latents, _timestep, prompts) => void runs.push(prompts.dims[0] ?? 0)) };
    };
    const loras = { list: async () => [], find: async () => [] };
    const engine = createSingleModelEngine([{ info, open }], info.name, { loras, batch });
    t.after(() => engine.close());
    const draw = async (changes: Partial<GenerateSettings>, options?: GenerateOptions) => {
      const { images } = await engine.generate(quickSettings(changes), options);
      return images.map(({ data }) => Buffer.from(data));
    };
    return { draw, runs };
  };

  test('are the same to the byte as alone', async (t) => {
    const alone = await openEngine(t, 1);
    const expected = [];
    for (const job of jobs) expected.push(await alone.draw(job));
    const together = await openEngine(t, jobs.length);
    assert.deepEqual(await Promise.all(jobs.map((job) => together.draw(job))), expected);
    assert.ok(Math.max(...together.runs) > 4, `they shared runs: ${together.runs}`);
    assert.ok(together.runs.length < alone.runs.length / 1.5, `${together.runs.length} of ${alone.runs.length} runs`);
  });

  test('leave without disturbing the others, and come when they like', async (t) => {
    const { draw } = await openEngine(t, 4);
    const [first, , third] = jobs as [(typeof jobs)[0], (typeof jobs)[0], (typeof jobs)[0]];
    const expected = [await draw(first), await draw(third)];
    const controller = new AbortController();
    let late: Promise<Buffer[]> | undefined;
    const canceled = draw(
      { seed: 9, steps: 50 },
      {
        signal: controller.signal,
        onPhase(phase) {
          if (phase.name !== 'denoising') return;
          if (phase.step === 2) late = draw(third);
          if (phase.step === 5) controller.abort(new Error('canceled'));
        },
      },
    );
    const drawn = draw(first);
    await assert.rejects(canceled, /canceled/);
    assert.deepEqual([await drawn, await late], expected);
  });
});
