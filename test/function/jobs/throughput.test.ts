/** How busy the worker keeps its GPU, and how long jobs wait: in simulated time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSimulatedEngine, createSimulatedGpu, simulateWorker } from './simulated-worker.ts';

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
