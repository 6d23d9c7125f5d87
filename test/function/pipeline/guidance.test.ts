import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import sharp from 'sharp';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { generate } from '../../../function/src/pipeline/generate.ts';
import { constantPrompts, createGuidedPredictor, guidanceInterval } from '../../../function/src/pipeline/guidance.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import { tensor } from '../../../function/src/runtime/tensor.ts';
import { openEmbeddedBundle } from '../../support/embedded-model.ts';
import { quickSettings } from '../../support/settings.ts';
import { watchPredictions } from './watch-predictions.ts';

const prompts = constantPrompts(tensor(Float32Array.of(3), [1, 1, 1]), tensor(Float32Array.of(1), [1, 1, 1]));

/** Predicts the embedding of each prompt that it is asked for, and counts them. */
function createToyModel() {
  const asked: number[] = [];
  const predictNoise: DiffusionModel['predictNoise'] = async (_latents, _timestep, { data, dims }) => {
    asked.push(dims[0] as number);
    return { data, dims: [dims[0] as number, 1, 1, 1] };
  };
  return { asked, model: { predictNoise } as unknown as DiffusionModel };
}

describe('guidance in a part of a run', () => {
  const latents = tensor(Float32Array.of(0), [1, 1, 1, 1]);
  const run = async (settings: Pick<GenerateSettings, 'guidanceStart' | 'guidanceEnd'>, predictions = 10) => {
    const { asked, model } = createToyModel();
    const isGuided = guidanceInterval(settings, 10);
    // That prompts are further on changes nothing: parts are those of this run.
    const predict = createGuidedPredictor(model, prompts, 5, { isGuided, predictionsMade: Number.POSITIVE_INFINITY });
    const results: number[] = [];
    for (let i = 0; i < predictions; i += 1) results.push((await predict(latents, 0)).data[0] as number);
    return { asked, results };
  };
  /** 3 is the prompt's prediction alone, 1 + 5 · (3 − 1) the guided one. */
  const guided = (from: number, until: number) =>
    Array.from({ length: 10 }, (_, i) => (i >= from && i < until ? 11 : 3));

  test('computes both halves inside, and outside the prompt’s alone', async () => {
    const { asked, results } = await run({ guidanceStart: 0.25, guidanceEnd: 0.75 });
    assert.deepEqual(results, guided(3, 8));
    assert.deepEqual(
      asked,
      results.map((result) => (result === 11 ? 2 : 1)),
    );
  });

  test('leaves out the prediction that its start falls on, as AUTOMATIC1111 does, and the one that its end falls on', async () => {
    assert.deepEqual((await run({ guidanceStart: 0.2 })).results, guided(3, 10));
    assert.deepEqual((await run({ guidanceEnd: 0.8 })).results, guided(0, 8));
    assert.deepEqual((await run({ guidanceEnd: 0 })).results, guided(0, 0));
    assert.deepEqual((await run({ guidanceStart: 1 })).results, guided(0, 0));
  });

  test('is all of it by default, also where a run makes more predictions than it was said to', async () => {
    assert.deepEqual((await run({}, 12)).results, Array(12).fill(11));
    assert.deepEqual((await run({ guidanceEnd: 0.5 }, 12)).results, [...guided(0, 5), 3, 3]);
  });
});

describe('guidance in a part of a run of the embedded model', () => {
  let host: SessionHost;
  let model: DiffusionModel;
  before(async () => {
    host = createSessionHost();
    model = await openModel(await openEmbeddedBundle(), host);
  });
  after(() => host.close());

  /** The file, and for how many prompts noise was predicted each time. */
  async function draw(changes: Partial<GenerateSettings>) {
    const batches: number[] = [];
    const counting = watchPredictions(model, (_latents, _timestep, embeddings) => {
      batches.push(embeddings.dims[0] as number);
    });
    const { images } = await generate(counting, quickSettings({ watermark: false, ...changes }));
    return { file: Buffer.from(images[0]?.data ?? []), batches };
  }

  /** The pixels alone: settings stand in the files. */
  const pixels = async (file: Buffer) => sharp(file).raw().toBuffer();

  test('costs half outside', async () => {
    assert.deepEqual((await draw({ guidanceStart: 0.1, guidanceEnd: 0.75 })).batches, [1, 2, 2, 1]);
  });

  test('counts both predictions of a step, and the steps of each run', async () => {
    const heun = { sampler: 'heun', schedule: 'normal' } as const;
    assert.deepEqual((await draw({ ...heun, guidanceEnd: 0.5 })).batches, [2, 2, 2, 2, 1, 1, 1]);
    const hires = { scale: 1.5, strength: 0.999, upscaler: 'latent' } as const;
    const { batches } = await draw({ hires, guidanceStart: 0.3 });
    assert.deepEqual(batches.slice(0, 4), [1, 1, 2, 2]);
    assert.equal(batches[4], 1);
    assert.equal(batches.at(-1), 2);
  });

  test('is to the byte what it was where it is all of the run, and without guidance where it is none', async () => {
    const whole = await draw({});
    assert.deepEqual((await draw({ guidanceStart: 0, guidanceEnd: 1 })).batches, [2, 2, 2, 2]);
    assert.deepEqual(await pixels((await draw({ guidanceStart: 0, guidanceEnd: 1 })).file), await pixels(whole.file));
    const none = await pixels((await draw({ guidanceScale: 1 })).file);
    assert.deepEqual(await pixels((await draw({ guidanceEnd: 0 })).file), none);
    assert.notDeepEqual(none, await pixels(whole.file));
  });
});
