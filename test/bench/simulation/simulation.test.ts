import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DispatchPolicy } from '../../../function/src/dispatcher/decide.ts';
import { ASSUMPTIONS, type Assumptions } from './assumptions.ts';
import { SCENARIOS } from './scenarios.ts';
import { simulate } from './simulate.ts';

const POLICY: DispatchPolicy = {
  ...{ maxWorkers: 4, messagesPerWorker: 20, capacities: 'spot-then-on-demand', idleSeconds: 120, keepWarmSeconds: 0 },
  ...{ spotPatienceSeconds: 180, spotRetrySeconds: 900, startTimeoutSeconds: 600 },
};
/** No chance: each time is known. */
const EXACT: Assumptions = {
  ...{ provision: [10, 10], boot: [100, 100], pull: [60, 60], load: [20, 20], image: [6, 6] },
  ...{ spotMissing: 0, interruptionsPerHour: 0, scaleInSeconds: 60, perHour: { spot: 0.36, 'on-demand': 0.72 } },
};

const run = (arrivals: number[], policy: Partial<DispatchPolicy> = {}, assumptions: Partial<Assumptions> = {}) =>
  simulate({ arrivals, policy: { ...POLICY, ...policy }, assumptions: { ...EXACT, ...assumptions }, seed: 1 });

describe('the simulation', () => {
  it('one picture takes a cold start, and is paid from boot to idle', () => {
    const { latencies, usd } = run([30]);
    assert.deepEqual(latencies, [10 + 100 + 60 + 20 + 6]);
    assert.ok(Math.abs(usd - ((100 + 60 + 20 + 6 + 120 + 60) / 3600) * 0.36) < 1e-12);
  });

  it('a second picture while the worker waits takes no start; after it left, another', () => {
    assert.deepEqual(run([0, 300]).latencies, [196, 6]);
    assert.deepEqual(run([0, 400]).latencies, [196, 196]);
  });

  it('without spot, on-demand comes after spot’s patience, at the next minute', () => {
    const { latencies, paidSeconds } = run([30], {}, { spotMissing: 1 });
    assert.deepEqual(latencies, [240 - 30 + 196]);
    assert.equal(paidSeconds.spot, 0);
    assert.equal(paidSeconds['on-demand'], 100 + 60 + 20 + 6 + 120 + 60);
  });

  it('a worker in work is no reason for another until there is enough for two', () => {
    assert.equal(run(Array.from({ length: 20 }, () => 0)).mostWorkers, 1);
    assert.equal(run(Array.from({ length: 21 }, () => 0)).mostWorkers, 2);
  });

  it('loses no job to interruptions, and draws none twice', () => {
    const arrivals = Array.from({ length: 2000 }, (_, index) => index);
    const { latencies, interruptions } = run(arrivals, { capacities: 'spot-only' }, { interruptionsPerHour: 10 });
    assert.ok(interruptions > 5, `${interruptions}`);
    assert.equal(latencies.length, arrivals.length);
  });

  it('never runs more workers than allowed', () => {
    for (const maxWorkers of [1, 3, 8])
      assert.equal(
        run(
          Array.from({ length: 1000 }, () => 0),
          { maxWorkers },
        ).mostWorkers,
        maxWorkers,
      );
  });

  it('gives the same for the same seed, and other chances for another', () => {
    const [quiet] = SCENARIOS;
    const once = (seed: number) =>
      simulate({ arrivals: quiet.arrivals(seed), policy: POLICY, assumptions: ASSUMPTIONS, seed });
    assert.deepEqual(once(3), once(3));
    assert.notDeepEqual(once(3).latencies, once(4).latencies);
  });

  it('scenarios bring about as many pictures as they say', () => {
    const [quiet, busy, burst] = SCENARIOS.map(({ arrivals }) => arrivals(1).length);
    assert.ok(quiet !== undefined && Math.abs(quiet / 7 - 100) < 15, `${quiet}`);
    assert.ok(busy !== undefined && Math.abs(busy - 20_000) < 1000, `${busy}`);
    assert.equal(burst, 10_000);
  });
});
