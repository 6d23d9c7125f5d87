import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type GenerateInput, type GenerateSettings, generateInputSchema } from '@safelight/sdk/contract';
import { estimate } from '../../../function/src/api/estimate.ts';
import type { RunSample } from '../../../function/src/jobs/job-store.ts';
import { workOf } from '../../../function/src/work.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { failureOf } from './api-client.ts';
import { finish, newKey, serve } from './serve-fixture.ts';

const engine = createFakeEngine();
const settingsOf = (input: Omit<GenerateInput, 'prompt'> = {}): GenerateSettings =>
  engine.resolve(generateInputSchema.parse({ prompt: 'x', ...input }));

const gpuPrice = { perHour: 3600, currency: 'USD', priceDate: '2026-01-01' };
/** Four seconds of denoising for four steps of DDIM at 64 by 64, and half a second for the rest. */
const timings = { queueMs: 9e9, bootMs: 9e9, loadMs: 0, encodeMs: 100, denoiseMs: 4000, decodeMs: 300, uploadMs: 100 };
const sample = (changes: Partial<RunSample> = {}): RunSample => ({
  work: workOf(settingsOf({ steps: 4 })),
  timings,
  usage: { gpuSeconds: 4.5 },
  ...changes,
});

describe('an estimate', () => {
  it('knows nothing before the first job, then scales with the work', async () => {
    await using fixture = await serve(createFakeEngine({ stepMs: 5 }));
    assert.deepEqual(await fixture.api.jobs.estimate.query({}), { queued: 0 });
    const { id } = await fixture.api.jobs.submit.mutate({ prompt: 'x', idempotencyKey: newKey() });
    await finish(fixture.api, id);
    const seconds = async (input: object) => (await fixture.api.jobs.estimate.query(input)).seconds ?? Number.NaN;
    const base = await seconds({});
    assert.ok(base > 0);
    // The sampler's second look in every step but the last, of four.
    const heun = await seconds({ sampler: 'heun' });
    assert.ok(Math.abs(heun - base - (3 / 4) * 0.02) < 1e-9, `${heun} beside ${base}`);
    assert.equal((await fixture.api.jobs.estimate.query({})).price, undefined);
    assert.equal((await failureOf(fixture.api.jobs.estimate.query({ model: 'none' }))).code, 'model_not_found');
    const grid = { x: [{ steps: 2 }, { steps: 2000 }] };
    assert.equal((await failureOf(fixture.api.jobs.estimate.query({ grid }))).field, 'grid.x.1.steps');
  });

  /** What as many times the pixels take, attention included. */
  const larger = (times: number) => (times * (1 + (times * 64 ** 2) / 983 ** 2)) / (1 + 64 ** 2 / 983 ** 2);
  const expected: [name: string, input: Omit<GenerateInput, 'prompt'>, denoising: number, pictures: number][] = [
    ['more steps', { steps: 20 }, 20, 1],
    ['more pictures', { steps: 4, count: 3 }, 12, 3],
    ['a larger picture', { steps: 4, width: 128 }, 4 * larger(2), 2],
    ['a sampler of two predictions a step', { steps: 10, sampler: 'heun' }, 19, 1],
    ['the same without guidance', { steps: 10, sampler: 'DPM++ SDE', guidanceScale: 1 }, 9.5, 1],
    ['no guidance', { steps: 10, guidanceScale: 1 }, 5, 1],
    // Guided are predictions 3 to 7.
    ['guidance in a part of the run', { steps: 10, guidanceStart: 0.2, guidanceEnd: 0.8 }, 5 + 5 / 2, 1],
    ['deep features for two predictions', { steps: 10, deepCache: 2 }, 5 + 5 * 0.1, 1],
    ['deep features for five', { steps: 10, deepCache: 5 }, 2 + 8 * 0.1, 1],
    ['a start from a picture', { steps: 10, initImage: `uploads/me/${'a'.repeat(64)}.png`, strength: 0.3 }, 3, 1],
    [
      'an enlarging run',
      { steps: 10, sampler: 'euler', hires: { scale: 2, steps: 6, strength: 0.5 } },
      10 + larger(4) * 6,
      4,
    ],
    ['a grid of steps', { grid: { x: [{ steps: 2 }, { steps: 8 }], y: [{ seed: 1 }, { seed: 2 }] } }, 20, 4],
    ['a grid of samplers', { steps: 10, grid: { x: [{ sampler: 'ddim' }, { sampler: 'heun' }] } }, 10 + 19, 2],
    ['a grid of guidance', { steps: 10, grid: { x: [{ guidanceScale: 1 }, { guidanceScale: 5 }] } }, 5 + 10, 2],
  ];
  for (const [name, input, denoising, pictures] of expected)
    it(`counts ${name}`, () => {
      const settings = settingsOf(input);
      const { seconds = 0 } = estimate(settings, { runs: [sample()], queued: 0, gpuPrice });
      const wanted = denoising + 0.4 * pictures + 0.1;
      assert.ok(Math.abs(seconds - wanted) < 1e-9, `${seconds}, not ${wanted}`);
      // The other way round: what such a job took says what a plain one takes.
      const denoiseMs = 1000 * denoising;
      const slowTimings = { ...timings, denoiseMs, decodeMs: 300 * pictures, uploadMs: 100 * pictures };
      const runs = [sample({ work: workOf(settings), timings: slowTimings })];
      const plain = estimate(settingsOf({ steps: 4 }), { runs, queued: 0, gpuPrice }).seconds ?? 0;
      assert.ok(Math.abs(plain - 4.5) < 1e-9, `${plain}, not 4.5`);
    });

  it('is the median pace times the work, without loading and waiting', () => {
    const slow = sample({ timings: { ...timings, denoiseMs: 400_000 } });
    const work = workOf(settingsOf({ steps: 8 }));
    const larger = sample({ work, timings: { ...timings, loadMs: 9e9, denoiseMs: 8000 }, usage: { gpuSeconds: 9e6 } });
    const options = { runs: [sample(), slow, larger], queued: 2, gpuPrice: undefined };
    assert.deepEqual(estimate(settingsOf({ steps: 4 }), options), { seconds: 4.5, queued: 2 });
    assert.deepEqual(estimate(settingsOf({ steps: 8, count: 2 }), options), { seconds: 16.9, queued: 2 });
  });

  it('says how long jobs take that are drawn with others, and the price of their share', () => {
    const priceOf = (runs: RunSample[]) => {
      const { seconds, price } = estimate(settingsOf({ steps: 4 }), { runs, queued: 0, gpuPrice });
      return [seconds, price];
    };
    const dollars = (amount: number) => ({ amount, currency: 'USD', priceDate: '2026-01-01' });
    assert.deepEqual(priceOf([sample()]), [4.5, dollars(4.5)]);
    assert.deepEqual(priceOf([sample({ usage: { gpuSeconds: 1.5 } })]), [4.5, dollars(1.5)]);
    // Loading is paid for, but not by the next one.
    const loading = sample({ timings: { ...timings, loadMs: 10_000, downloadMs: 5500 }, usage: { gpuSeconds: 20 } });
    assert.deepEqual(priceOf([loading]), [4.5, dollars(4.5)]);
  });

  it('learns nothing of a picture that no step was made for', () => {
    const input = { initImage: `uploads/me/${'a'.repeat(64)}.png`, strength: 0 };
    const kept = sample({ work: workOf(settingsOf(input)), timings: { ...timings, denoiseMs: 5 } });
    assert.equal(kept.work.denoised, 0);
    assert.deepEqual(estimate(settingsOf(), { runs: [kept], queued: 0, gpuPrice }), { queued: 0 });
    assert.equal(estimate(settingsOf(input), { runs: [kept, sample()], queued: 0, gpuPrice }).seconds, 0.5);
  });
});
