/** Several jobs are drawn together. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { newJob, SETTINGS } from './sample-jobs.ts';
import { createBench, createGate, untilRunning } from './worker-bench.ts';

describe('a worker', () => {
  it('draws jobs together that go together, in the order of the queue, none before one that does not', async () => {
    await using bench = await createBench();
    const [like, other] = [
      { width: 512, height: 512 },
      { width: 256, height: 512 },
    ];
    const sizes = [like, like, like, like, other, like];
    const jobs = [];
    for (const [seed, size] of sizes.entries())
      jobs.push(await bench.store.create(newJob({ settings: { ...SETTINGS, ...size, seed } })));
    const begun: number[] = [];
    using engine = createGate();
    bench.work({
      batch: 3,
      onGenerate: ({ seed }) => void begun.push(seed),
      onFinish: engine.after(async () => {}),
      stepMs: 20,
    });
    const untilBegun = async (count: number) => {
      for (const deadline = Date.now() + 5000; begun.length < count; await delay(5)) assert.ok(Date.now() < deadline);
    };
    await untilBegun(3);
    await delay(30);
    assert.deepEqual(begun, [0, 1, 2], 'as many as there is room for');
    engine.open();
    for (const { id } of jobs) assert.deepEqual((await bench.finished(id)).attempt, 1);
    assert.deepEqual(begun, [0, 1, 2, 3, 4, 5]);
  });

  it('lets nobody join while a job waits that does not go with those that are drawn', async () => {
    await using bench = await createBench();
    const begun: number[] = [];
    const running = new Set<number>();
    const beside: number[] = [];
    const submit = (seed: number, width: number) =>
      bench.store.create(newJob({ settings: { ...SETTINGS, seed, width, steps: 30 } }));
    const jobs = [await submit(0, 512), await submit(1, 256), await submit(2, 512)];
    bench.work({
      batch: 8,
      stepMs: 5,
      onGenerate({ seed }) {
        begun.push(seed);
        beside[seed] = running.size;
        running.add(seed);
      },
      onFinish: ({ seed }) => void running.delete(seed),
    });
    for (const { id } of jobs) assert.deepEqual((await bench.finished(id)).attempt, 1);
    assert.deepEqual(
      [begun, beside],
      [
        [0, 1, 2],
        [0, 0, 0],
      ],
    );
  });

  it('lets a job join that comes later, and ends each as it ends', async () => {
    await using bench = await createBench();
    const long = { ...SETTINGS, steps: 1000 };
    const [first, canceled] = [
      await bench.store.create(newJob({ settings: long })),
      await bench.store.create(newJob({ settings: long })),
    ];
    const worker = bench.work({ batch: 4, stepMs: 5 });
    await untilRunning(bench.store, first.id);
    await untilRunning(bench.store, canceled.id);
    const late = await bench.store.create(newJob({ settings: { ...SETTINGS, seed: 3 } }));
    await bench.store.requestCancel(canceled.id);
    assert.equal((await bench.finished(canceled.id)).status, 'canceled');
    assert.equal((await bench.finished(late.id)).status, 'succeeded');
    assert.equal((await bench.store.get(first.id))?.status, 'running');
    await worker.drain();
    const left = await bench.store.get(first.id);
    assert.deepEqual([left?.status, left?.chargedAttempts], ['queued', 0]);
  });

  it('bills jobs that are drawn together for their share', async () => {
    await using bench = await createBench();
    const ids: string[] = [];
    for (let seed = 0; seed < 4; seed++)
      ids.push((await bench.store.create(newJob({ settings: { ...SETTINGS, seed, steps: 40 } }))).id);
    const startedAt = Date.now();
    bench.work({ batch: 4, stepMs: 10 });
    let billed = 0;
    let held = 0;
    for (const id of ids) {
      const job = await bench.finished(id);
      billed += job.result?.usage.gpuSeconds ?? Number.NaN;
      held += ((job.finishedAt ?? 0) - (job.startedAt ?? 0)) / 1000;
    }
    const elapsed = (Date.now() - startedAt) / 1000;
    assert.ok(billed <= elapsed, `${billed} of ${elapsed} s`);
    assert.ok(held > 2 * billed, `${held} s held, ${billed} billed: they were drawn together`);
  });
});
