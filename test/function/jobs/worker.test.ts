/** A job from the queue to its pictures, canceled on the way, or handed back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createFakeEngine, fakeImageData } from './fake-engine.ts';
import { newJob, SETTINGS } from './sample-jobs.ts';
import { createBench, untilRunning } from './worker-bench.ts';

describe('a worker', () => {
  it('makes the pictures of a job, stores them and says where the time went', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob({ settings: { ...SETTINGS, seed: 5, count: 3, format: 'jpeg' } }));
    bench.work({ stepMs: 5 });
    const job = await bench.finished(id);
    assert.equal(job.status, 'succeeded');
    assert.equal(job.attempt, 1);
    assert.deepEqual(
      job.result?.images.map(({ key }) => key),
      [0, 1, 2].map((index) => `jobs/${id}/${index}.jpg`),
    );
    for (const { key, seed } of job.result?.images ?? [])
      assert.deepEqual(new Uint8Array((await bench.objects.get(key)) ?? []), fakeImageData(seed));
    assert.ok((job.result?.timings.uploadMs ?? -1) >= 0);
    assert.ok((job.result?.timings.queueMs ?? -1) >= 0);
  });

  it('works through many jobs in order', async () => {
    await using bench = await createBench();
    const order: number[] = [];
    const jobs = [];
    for (let seed = 0; seed < 30; seed++)
      jobs.push(await bench.store.create(newJob({ settings: { ...SETTINGS, seed } })));
    bench.work({ onGenerate: ({ seed }) => void order.push(seed) });
    for (const { id } of jobs) assert.equal((await bench.finished(id)).status, 'succeeded');
    assert.deepEqual(
      order,
      jobs.map(({ settings }) => settings.seed),
    );
  });

  it('stops at the next step when the job is canceled', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob({ settings: { ...SETTINGS, steps: 1000 } }));
    bench.work({ stepMs: 5 });
    await untilRunning(bench.store, id);
    const startedAt = Date.now();
    await bench.store.requestCancel(id);
    assert.equal((await bench.finished(id)).status, 'canceled');
    assert.ok(Date.now() - startedAt < 500);
    assert.equal(await bench.objects.stat(`jobs/${id}/0.png`), undefined);
  });

  it('writes progress at most every phaseIntervalMs, and the latest in the end', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob({ settings: { ...SETTINGS, steps: 1000 } }));
    const revisions: number[] = [];
    bench.work({ stepMs: 1 }, { phaseIntervalMs: 100, heartbeatMs: 1000, leaseSeconds: 30 });
    await untilRunning(bench.store, id);
    const before = (await bench.store.get(id))?.revision ?? 0;
    await delay(500);
    const job = await bench.store.get(id);
    revisions.push((job?.revision ?? 0) - before);
    assert.ok((revisions[0] ?? 0) >= 2 && (revisions[0] ?? 99) <= 6, `${revisions[0]} writes in half a second`);
    await bench.store.requestCancel(id);
    await bench.finished(id);
  });

  it('describes the picture that is stored, when an earlier attempt stored other bytes', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    await bench.objects.put(`jobs/${id}/0.png`, new Uint8Array([1, 2, 3]), { contentType: 'image/png' });
    bench.work({});
    const image = (await bench.finished(id)).result?.images[0];
    assert.equal(image?.bytes, 3);
    assert.equal(image?.sha256, '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81');
  });

  it('writes no prompt into its log, of a grid neither', async () => {
    await using bench = await createBench();
    const grid = { x: [{ prompt: 'a secret fox' }], y: [{ negativePrompt: 'hidden cat' }] };
    const { id } = await bench.store.create(newJob({ settings: { ...SETTINGS, prompt: 'my own dog', grid } }));
    bench.work({
      onGenerate: () => {
        throw new Error('Cannot read "my own dog", "a secret fox" and "hidden cat"');
      },
    });
    await bench.finished(id);
    while (!bench.log.some((line) => line.includes('job_failed'))) await delay(10);
    assert.doesNotMatch(bench.log.join(), /own dog|secret fox|hidden cat/);
    assert.match(bench.log.join(), /\[private\]/);
  });

  it('hands its job back when drained, without charging the attempt', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob({ settings: { ...SETTINGS, steps: 1000 } }));
    for (let i = 0; i < 3; i++) {
      const worker = bench.work({ stepMs: 5 }, { maxAttempts: 2 });
      await untilRunning(bench.store, id);
      const startedAt = Date.now();
      await Promise.all([worker.drain(), worker.drain()]);
      assert.ok(Date.now() - startedAt < 300);
      const job = await bench.store.get(id);
      assert.deepEqual([job?.status, job?.chargedAttempts, job?.attempt], ['queued', 0, i + 1]);
    }
    bench.work({});
    assert.equal((await bench.finished(id)).status, 'succeeded');
  });

  it('drained at its last step completes the job rather than have it all done again', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    let drained: Promise<void> | undefined;
    const engine = createFakeEngine();
    const finishing = bench.work(
      {},
      {
        engine: {
          generate: async (settings) => {
            const generation = await engine.generate(settings);
            drained = finishing.drain();
            return generation;
          },
        },
      },
    );
    const job = await bench.finished(id);
    await drained;
    assert.deepEqual([job.status, job.attempt], ['succeeded', 1]);
  });
});
