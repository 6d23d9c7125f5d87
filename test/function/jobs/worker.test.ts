import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { GenerateSettings } from '@safelight/sdk/contract';
import { FunctionError } from '../../../function/src/errors.ts';
import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { isFinished, type JobRecord } from '../../../function/src/jobs/job-record.ts';
import type { JobStore } from '../../../function/src/jobs/job-store.ts';
import { openJobDatabase } from '../../../function/src/jobs/local/database.ts';
import { createLocalJobQueue } from '../../../function/src/jobs/local/local-job-queue.ts';
import { createLocalJobStore } from '../../../function/src/jobs/local/local-job-store.ts';
import { startWorker, type WorkerOptions } from '../../../function/src/jobs/worker.ts';
import {
  createLocalObjectStore,
  type LocalObjectStore,
} from '../../../function/src/storage/local/local-object-store.ts';
import { createFakeEngine, type FakeEngineOptions, fakeImageData } from './fake-engine.ts';
import { newJob, SETTINGS } from './job-store-contract.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

interface Bench extends AsyncDisposable {
  store: JobStore;
  objects: LocalObjectStore;
  log: string[];
  /** Another worker over the same jobs, like one of another process. */
  work(engine: FakeEngineOptions, options?: Partial<WorkerOptions>): { drain(): Promise<void>; calls(): number };
  finished(id: string): Promise<JobRecord>;
}

/** Short leases, so that losing one takes no time. */
const FAST: Partial<WorkerOptions> = {
  leaseSeconds: 0.3,
  heartbeatMs: 30,
  phaseIntervalMs: 5,
  backoffMs: 20,
  random: () => 0.5,
};

const createBench = async (): Promise<Bench> => {
  const folder = await createTemporaryFolder();
  const objects = await createLocalObjectStore({ dataDir: folder.path });
  const database = await openJobDatabase(folder.path);
  const notifier = createChangeNotifier();
  const newJobId = createJobIdSource();
  const store = createLocalJobStore({ database, notifier, newJobId, now: Date.now, maxQueued: 1000 });
  const log: string[] = [];
  const workers: { drain(): Promise<void> }[] = [];
  return {
    store,
    objects,
    log,
    work(engineOptions, options) {
      const engine = createFakeEngine(engineOptions);
      const queue = createLocalJobQueue({ database, notifier, now: Date.now, pollMs: 20 });
      const logger: WorkerOptions['logger'] = (level, event, fields) =>
        void log.push(JSON.stringify({ level, event, ...fields }));
      const worker = startWorker({ engine, store, queue, objects, logger, ...FAST, ...options });
      workers.push(worker);
      return { drain: () => worker.drain(), calls: () => engine.calls };
    },
    async finished(id) {
      for (const deadline = Date.now() + 10_000; Date.now() < deadline; await delay(5)) {
        const job = await store.get(id);
        if (job !== undefined && isFinished(job)) return job;
      }
      assert.fail(`Job ${id} did not finish: ${JSON.stringify(await store.get(id))}\n${log.join('\n')}`);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.drain()));
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
};

const untilRunning = async (store: JobStore, id: string): Promise<void> => {
  while ((await store.get(id))?.phase?.name !== 'denoising') await delay(2);
};

/** Calls wait until it is opened: at the latest when the test ends. */
const createGate = () => {
  const waiting: (() => void)[] = [];
  let isOpen = false;
  const open = () => {
    isOpen = true;
    for (const go of waiting) go();
  };
  return {
    get waiting() {
      return waiting.length;
    },
    open,
    [Symbol.dispose]: open,
    after:
      <Parameters extends unknown[], Result>(call: (...parameters: Parameters) => Promise<Result>) =>
      async (...parameters: Parameters): Promise<Result> => {
        if (!isOpen) await new Promise<void>((resolve) => waiting.push(resolve));
        return call(...parameters);
      },
  };
};

const untilAborted = (signal: AbortSignal | undefined) =>
  new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));

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

  it('describes the picture that is stored, when an earlier attempt stored other bytes', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    await bench.objects.put(`jobs/${id}/0.png`, new Uint8Array([1, 2, 3]), { contentType: 'image/png' });
    bench.work({});
    const image = (await bench.finished(id)).result?.images[0];
    assert.equal(image?.bytes, 3);
    assert.equal(image?.sha256, '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81');
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

  it('stops an engine that makes no progress', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    bench.work(
      {
        onGenerate: (_, __, signal) =>
          new Promise((___, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      },
      { stallMs: 100, maxAttempts: 2 },
    );
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
