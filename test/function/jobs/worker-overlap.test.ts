/** The next job is drawn while one is stored. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { GenerateSettings } from '@safelight/sdk/contract';
import type { JobRecord } from '../../../function/src/jobs/job-record.ts';
import type { WorkerOptions } from '../../../function/src/jobs/worker.ts';
import { newJob, SETTINGS } from './sample-jobs.ts';
import { createBench, createGate, untilAborted, untilRunning } from './worker-bench.ts';

describe('a worker', () => {
  it('draws the next job while one is stored, and none beyond that one', async () => {
    await using bench = await createBench();
    const jobs = [];
    for (let seed = 0; seed < 3; seed++)
      jobs.push(await bench.store.create(newJob({ settings: { ...SETTINGS, seed } })));
    const [first, second, third] = jobs as [JobRecord, JobRecord, JobRecord];
    using storage = createGate();
    const objects = { ...bench.objects, put: storage.after(bench.objects.put) };
    const worker = bench.work({}, { objects });
    // GIVEN storage that does not answer, WHEN the second job is drawn
    for (const deadline = Date.now() + 5000; storage.waiting < 2; await delay(5))
      assert.ok(Date.now() < deadline, 'the second job is drawn, too');
    await delay(400);
    // THEN both keep their leases, and the third is left to others
    assert.equal(worker.calls(), 2);
    const states = await Promise.all(jobs.map(({ id }) => bench.store.get(id)));
    assert.deepEqual(
      states.map((job) => [job?.status, job?.attempt]),
      [
        ['running', 1],
        ['running', 1],
        ['queued', 0],
      ],
    );
    for (const job of states.slice(0, 2)) assert.ok((job?.takeableAt ?? 0) > Date.now(), 'the lease is kept');
    storage.open();
    for (const { id } of [first, second, third]) {
      const job = await bench.finished(id);
      assert.deepEqual([job.status, job.attempt], ['succeeded', 1]);
    }
  });

  it('begins the next job while pictures are still being put into files', async () => {
    await using bench = await createBench();
    const first = await bench.store.create(newJob({ settings: { ...SETTINGS, seed: 1 } }));
    const second = await bench.store.create(newJob({ settings: { ...SETTINGS, seed: 2 } }));
    using encoder = createGate();
    bench.work({ onFinish: encoder.after(async (_: GenerateSettings) => {}) });
    for (const deadline = Date.now() + 5000; encoder.waiting < 2; await delay(5))
      assert.ok(Date.now() < deadline, 'the second job is drawn, too');
    encoder.open();
    for (const { id } of [first, second]) assert.equal((await bench.finished(id)).status, 'succeeded');
  });

  it('when drained stores what is drawn and hands back what is not', async () => {
    await using bench = await createBench();
    const drawn = await bench.store.create(newJob());
    const begun = await bench.store.create(newJob({ settings: { ...SETTINGS, steps: 1000 } }));
    using storage = createGate();
    const objects = { ...bench.objects, put: storage.after(bench.objects.put) };
    const worker = bench.work({ stepMs: 5 }, { objects });
    await untilRunning(bench.store, begun.id);
    const drained = worker.drain();
    while ((await bench.store.get(begun.id))?.status !== 'queued') await delay(2);
    assert.equal((await bench.store.get(drawn.id))?.status, 'running');
    storage.open();
    await drained;
    const states = await Promise.all([drawn, begun].map(({ id }) => bench.store.get(id)));
    assert.deepEqual(
      states.map((job) => [job?.status, job?.chargedAttempts]),
      [
        ['succeeded', 1],
        ['queued', 0],
      ],
    );
  });

  it('cancels a job that is being stored without disturbing the one that is drawn', async () => {
    await using bench = await createBench();
    const stored = await bench.store.create(newJob());
    const drawn = await bench.store.create(newJob({ settings: { ...SETTINGS, steps: 60 } }));
    const objects: WorkerOptions['objects'] = {
      ...bench.objects,
      put: (key, data, options) =>
        key.includes(stored.id) ? untilAborted(options.signal) : bench.objects.put(key, data, options),
    };
    bench.work({ stepMs: 5 }, { objects });
    await untilRunning(bench.store, drawn.id);
    await bench.store.requestCancel(stored.id);
    assert.equal((await bench.finished(stored.id)).status, 'canceled');
    assert.equal((await bench.finished(drawn.id)).status, 'succeeded');
  });

  it('bills no second twice', async () => {
    await using bench = await createBench();
    const ids: string[] = [];
    for (let seed = 0; seed < 6; seed++)
      ids.push((await bench.store.create(newJob({ settings: { ...SETTINGS, seed } }))).id);
    const startedAt = Date.now();
    const slow: WorkerOptions['objects'] = {
      ...bench.objects,
      put: async (key, data, options) => {
        await delay(80);
        return bench.objects.put(key, data, options);
      },
    };
    bench.work({ stepMs: 20 }, { objects: slow });
    let billed = 0;
    let alone = 0;
    for (const id of ids) {
      const { result } = await bench.finished(id);
      billed += result?.usage.gpuSeconds ?? Number.NaN;
      alone += ((result?.timings.denoiseMs ?? 0) + (result?.timings.uploadMs ?? 0)) / 1000;
    }
    const elapsed = (Date.now() - startedAt) / 1000;
    assert.ok(billed <= elapsed, `${billed} of ${elapsed} s`);
    assert.ok(billed > 0.48, `six jobs of 80 ms each paid for ${billed} s`);
    assert.ok(alone > elapsed, 'jobs overlapped, else this test shows nothing');
  });
});
