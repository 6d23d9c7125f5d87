/** Leases are lost; engines, stores and other workers fail. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FunctionError } from '../../../function/src/errors.ts';
import type { JobStore } from '../../../function/src/jobs/job-store.ts';
import type { LocalObjectStore } from '../../../function/src/storage/local/local-object-store.ts';
import { newJob, SETTINGS } from './sample-jobs.ts';
import { createBench, untilAborted } from './worker-bench.ts';

describe('a worker', () => {
  it('keeps its lease through a long silent generation', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    const first = bench.work({ onGenerate: () => delay(900) });
    await delay(50);
    const second = bench.work({});
    const job = await bench.finished(id);
    assert.deepEqual([job.status, job.attempt], ['succeeded', 1]);
    assert.deepEqual([first.calls(), second.calls()], [1, 0]);
  });

  it('that lost its lease cannot overwrite the winner, and stops', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob({ settings: { ...SETTINGS, seed: 1 } }));
    let isCut = false;
    const cutOff: JobStore = {
      ...bench.store,
      heartbeat: (hold, options) =>
        isCut ? Promise.reject(new Error('no network')) : bench.store.heartbeat(hold, options),
    };
    let sawAbort = false;
    const loser = bench.work(
      {
        onGenerate: async (_, __, signal) => {
          isCut = true;
          await delay(700);
          sawAbort = signal?.aborted ?? false;
        },
      },
      { store: cutOff },
    );
    await delay(50);
    const winner = bench.work({});
    const job = await bench.finished(id);
    assert.deepEqual([job.status, job.attempt], ['succeeded', 2]);
    const before = await bench.store.get(id);
    await loser.drain();
    assert.deepEqual(await bench.store.get(id), before);
    assert.ok(sawAbort, 'the loser was told to stop');
    assert.equal(winner.calls(), 1);
    assert.match(bench.log.join('\n'), /job_lease_lost/);
  });

  it('has its late result refused when it never learned that the lease was lost', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    const deaf: JobStore = {
      ...bench.store,
      heartbeat: async () => ({ outcome: 'held', cancelRequested: false }),
    };
    const late = bench.work({ onGenerate: () => delay(700) }, { store: deaf });
    await delay(50);
    bench.work({});
    const job = await bench.finished(id);
    assert.equal(job.attempt, 2);
    await late.drain();
    assert.deepEqual(await bench.store.get(id), job);
  });

  it('tries again after an error that may pass, with a growing delay', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    const times: number[] = [];
    bench.work({
      onGenerate: (_, call) => {
        times.push(Date.now());
        if (call < 4) throw new FunctionError('out_of_memory', 'no room', { isRetryable: true });
      },
    });
    const job = await bench.finished(id);
    assert.deepEqual([job.status, job.attempt], ['succeeded', 4]);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    assert.ok((gaps[0] ?? 0) >= 19 && (gaps[1] ?? 0) >= 39 && (gaps[2] ?? 0) >= 79, `gaps ${gaps}`);
  });

  it('does other jobs while one waits for its next attempt', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob({ settings: { ...SETTINGS, prompt: 'later' } }));
    const next = await bench.store.create(newJob());
    bench.work(
      {
        onGenerate: ({ prompt }, call) => {
          if (prompt === 'later' && call === 1) throw new FunctionError('unavailable', 'soon', { isRetryable: true });
        },
      },
      { backoffMs: 300 },
    );
    await bench.finished(next.id);
    assert.equal((await bench.store.get(id))?.status, 'queued');
    assert.equal((await bench.finished(id)).status, 'succeeded');
  });

  it('gives up after the allowed attempts, with the last error', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    const worker = bench.work(
      {
        onGenerate: (_, call) => {
          throw new FunctionError('out_of_memory', `no room, time ${call}`, { isRetryable: true });
        },
      },
      { maxAttempts: 3 },
    );
    const job = await bench.finished(id);
    assert.deepEqual(job.error, { code: 'out_of_memory', message: 'no room, time 3', isRetryable: true });
    assert.equal(worker.calls(), 3);
  });

  it('does not repeat what cannot succeed', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    const worker = bench.work({
      onGenerate: () => {
        throw new FunctionError('model_corrupt', 'the file is damaged');
      },
    });
    const job = await bench.finished(id);
    assert.deepEqual([job.status, job.error?.code, worker.calls()], ['failed', 'model_corrupt', 1]);
  });

  it('tries again when the disk is full, and succeeds once there is room', async () => {
    await using bench = await createBench();
    let isFull = true;
    const { id } = await bench.store.create(newJob());
    const objects: LocalObjectStore = {
      ...bench.objects,
      put: (key, data, options) => {
        if (!isFull) return bench.objects.put(key, data, options);
        isFull = false;
        return Promise.reject(new FunctionError('storage_full', 'full', { isRetryable: true }));
      },
    };
    bench.work({}, { objects });
    const job = await bench.finished(id);
    assert.deepEqual([job.status, job.attempt], ['succeeded', 2]);
  });

  it('ends a job that kills its worker each time', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    const next = await bench.store.create(newJob());
    // GIVEN workers that take the job and are never heard of again
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal((await bench.store.acquire(id, { leaseMs: 10, maxAttempts: 3 })).outcome, 'acquired');
      await delay(15);
    }
    // WHEN another worker comes by
    const worker = bench.work({}, { maxAttempts: 3 });
    // THEN it fails the job without trying it, and goes on
    const job = await bench.finished(id);
    assert.deepEqual([job.status, job.error?.code], ['failed', 'worker_lost']);
    assert.equal((await bench.finished(next.id)).status, 'succeeded');
    assert.equal(worker.calls(), 1);
  });

  it('stops an engine that makes no progress', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    bench.work({ onGenerate: (_, __, signal) => untilAborted(signal) }, { stallMs: 100, maxAttempts: 2 });
    const job = await bench.finished(id);
    assert.deepEqual([job.status, job.error?.code, job.attempt], ['failed', 'worker_lost', 2]);
  });

  it('outlives a store that fails for a while', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    let failures = 2;
    const flaky: JobStore = {
      ...bench.store,
      complete: (hold, result) =>
        failures-- > 0 ? Promise.reject(new FunctionError('unavailable', 'busy')) : bench.store.complete(hold, result),
    };
    let takes = 1;
    flaky.acquire = (jobId, options) =>
      takes-- > 0 ? Promise.reject(new Error('disk on fire')) : bench.store.acquire(jobId, options);
    bench.work({}, { store: flaky });
    const job = await bench.finished(id);
    assert.deepEqual([job.status, job.attempt], ['succeeded', 1]);
    assert.match(bench.log.join('\n'), /worker_trouble.*disk on fire/);
  });
});
