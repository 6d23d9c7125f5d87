/** How busy the worker keeps its GPU, and how long jobs wait: in simulated time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createSimulatedEngine,
  createSimulatedGpu,
  type SimulatedEngineOptions,
  simulateWorker,
} from './simulated-worker.ts';

const atOnce = (count: number) => new Array<number>(count).fill(0);

describe('under load the GPU', () => {
  it('is idle for less than 5% of the time between jobs, and for more than 15% if each job ended before the next', async (t) => {
    const idle: number[] = [];
    for (const overlaps of [true, false]) {
      const gpu = createSimulatedGpu();
      const jobs = await simulateWorker({ arrivals: atOnce(30), engine: createSimulatedEngine(gpu), overlaps });
      for (const job of jobs) assert.deepEqual([job.status, job.attempt], ['succeeded', 1]);
      idle.push(gpu.idle());
    }
    t.diagnostic(`idle: ${idle.map((share) => `${(100 * share).toFixed(1)}%`).join(', one after the other ')}`);
    const [overlapping = Number.NaN, inTurn = Number.NaN] = idle;
    assert.ok(overlapping < 0.05 && inTurn > 0.15);
  });
});

/** Times between jobs that come independently of each other, the same with each call. */
const independently = (count: number, meanMs: number): number[] => {
  let state = 1;
  let at = 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    at += -meanMs * Math.log(1 - state / 2 ** 32);
    return Math.round(at);
  });
};

/** Seconds from a job's coming to its pictures, and until the last job has them. */
const measure = async (arrivals: readonly number[], options: SimulatedEngineOptions) => {
  const gpu = createSimulatedGpu();
  const jobs = await simulateWorker({ arrivals, engine: createSimulatedEngine(gpu, options) });
  for (const job of jobs) assert.deepEqual([job.status, job.attempt], ['succeeded', 1]);
  const latencies = jobs
    .map(({ createdAt, finishedAt }) => ((finishedAt ?? 0) - createdAt) / 1000)
    .sort((a, b) => a - b);
  const part = (share: number) => latencies[Math.max(0, Math.ceil(share * latencies.length) - 1)] ?? Number.NaN;
  const ends = jobs.map(({ finishedAt }) => finishedAt ?? 0);
  const billed = jobs.reduce((sum, { result }) => sum + (result?.usage.gpuSeconds ?? Number.NaN), 0);
  const lasted = (Math.max(...ends) - Math.min(...jobs.map(({ startedAt }) => startedAt ?? 0))) / 1000;
  assert.ok(billed <= lasted + 0.1, `${billed} s billed of ${lasted}`);
  return { first: part(0), median: part(0.5), p95: part(0.95), lasted };
};

const describeAll = (rows: Record<string, number>[]): string =>
  rows.map((row) => Object.entries(row).map(([name, value]) => `${name} ${value.toFixed(1)} s`)).join(' | ');

describe('jobs that are drawn together', () => {
  const few = { batch: 4, marginal: 0.5 };
  const most = { batch: 4, marginal: 0.85 };

  it('are done sooner than one by one where a GPU draws two in one and a half times the time of one', async (t) => {
    for (const arrivals of [atOnce(16), independently(60, 2000 / 0.9)]) {
      const [alone, together] = [await measure(arrivals, {}), await measure(arrivals, few)];
      t.diagnostic(describeAll([alone, together]));
      assert.ok(together.median < 0.85 * alone.median && together.p95 < 0.85 * alone.p95);
    }
  });

  it('wait hardly longer where it takes nearly twice the time', async (t) => {
    for (const arrivals of [atOnce(16), independently(60, 2000 / 0.5)]) {
      const [alone, together] = [await measure(arrivals, {}), await measure(arrivals, most)];
      t.diagnostic(describeAll([alone, together]));
      assert.ok(together.p95 < 1.2 * alone.p95 && together.lasted < 1.02 * alone.lasted);
    }
  });
});
