/** Workers over a store, a queue and a folder of their own, with an engine that draws nothing. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
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
import { createFakeEngine, type FakeEngineOptions } from './fake-engine.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface Bench extends AsyncDisposable {
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

export const createBench = async (): Promise<Bench> => {
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

export const untilRunning = async (store: JobStore, id: string): Promise<void> => {
  while ((await store.get(id))?.phase?.name !== 'denoising') await delay(2);
};

/** Calls wait until it is opened: at the latest when the test ends. */
export const createGate = () => {
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

export const untilAborted = (signal: AbortSignal | undefined) =>
  new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
