/** The deployed worker in a model of time: queue, store, GPU and storage take as long as they are said to. */
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { canDrawTogether } from '../../../function/src/draw-together.ts';
import { createDrawingFloor } from '../../../function/src/drawing-floor.ts';
import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import type { JobQueue } from '../../../function/src/jobs/job-queue.ts';
import { isFinished, type JobRecord } from '../../../function/src/jobs/job-record.ts';
import type { JobStore } from '../../../function/src/jobs/job-store.ts';
import { openJobDatabase } from '../../../function/src/jobs/local/database.ts';
import { createLocalJobQueue } from '../../../function/src/jobs/local/local-job-queue.ts';
import { createLocalJobStore } from '../../../function/src/jobs/local/local-job-store.ts';
import { silentLogger } from '../../../function/src/jobs/logger.ts';
import { startWorker, type WorkerOptions } from '../../../function/src/jobs/worker.ts';
import { gatherPredictions } from '../../../function/src/pipeline/gather-predictions.ts';
import { type Tensor, tensor } from '../../../function/src/runtime/tensor.ts';
import { newJob, SETTINGS } from './sample-jobs.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

/** Milliseconds that things take. */
const TIMES = {
  /** Each of {@link STEPS}. */
  step: 90,
  decode: 200,
  /** Watermark and PNG, on a processor. */
  encode: 100,
  /** To S3. */
  upload: 200,
  /** A request to SQS or DynamoDB. */
  request: 20,
};
const STEPS = 20;
/** How finely time passes. */
const TICK = 10;

/** By the global timer, which is the one that is simulated. */
const delay = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

/** One thing after the other, and how long it was busy. */
export const createSimulatedGpu = () => {
  let free: Promise<unknown> = Promise.resolve();
  const gpu = {
    busyMs: 0,
    startedAt: Number.NaN,
    endedAt: Number.NaN,
    run(ms: number): Promise<void> {
      const run = free.then(async () => {
        if (Number.isNaN(gpu.startedAt)) gpu.startedAt = Date.now();
        await delay(ms);
        gpu.busyMs += ms;
        gpu.endedAt = Date.now();
      });
      free = run;
      return run;
    },
    /** Share of the time between its first and its last work in which it had none. */
    idle: () => 1 - gpu.busyMs / (gpu.endedAt - gpu.startedAt),
  };
  return gpu;
};
export type SimulatedGpu = ReturnType<typeof createSimulatedGpu>;

export interface SimulatedEngineOptions {
  /** How many jobs are drawn together. @defaultValue 1 */
  batch?: number;
  /** What a further picture adds to a step, as a part of what the first one takes. */
  marginal?: number;
}

/** An engine of one GPU, which draws nothing: what decides who is drawn with whom is that of the real one. */
export const createSimulatedEngine = (
  gpu: SimulatedGpu,
  { batch = 1, marginal = 1 }: SimulatedEngineOptions = {},
): WorkerOptions['engine'] => {
  const floor = createDrawingFloor(batch);
  const prediction = tensor(new Float32Array(1), [1, 1]);
  const { predictNoise } = gatherPredictions(
    {
      async predictNoise(_latents: Tensor, _timestep: number | Float32Array, { dims }: Tensor) {
        const [pictures = 1] = dims;
        await gpu.run(TIMES.step * (1 + marginal * (pictures - 1)));
        return tensor(new Float32Array(pictures), [pictures, 1]);
      },
    },
    batch,
  );
  return {
    canDrawTogether: (all) => canDrawTogether(all, batch),
    async generate(settings, { signal, onPhase, onDrawn } = {}) {
      const { steps, width, height, seed } = settings;
      await floor.roomFor(settings);
      return floor.run(settings, async (leave) => {
        for (let step = 0; step < steps; step++) {
          signal?.throwIfAborted();
          onPhase?.({ name: 'denoising', image: 0, count: 1, step, steps });
          await predictNoise(prediction, step, prediction);
        }
        onPhase?.({ name: 'decoding', image: 0, count: 1 });
        leave();
        onDrawn?.();
        await gpu.run(TIMES.decode);
        await delay(TIMES.encode);
        const images = [{ index: 0, width, height, seed, data: Uint8Array.of(seed) }];
        return { images, warnings: [], timings: { loadMs: 0, encodeMs: 0, denoiseMs: 0, decodeMs: 0 } };
      });
    },
  };
};

const slowly =
  <Parameters extends unknown[], Result>(ms: number, call: (...parameters: Parameters) => Promise<Result>) =>
  async (...parameters: Parameters): Promise<Result> => {
    await delay(ms);
    return call(...parameters);
  };

/** As a worker that takes no job before the one in hand is stored and settled. */
const oneAfterTheOther = (queue: JobQueue): JobQueue => {
  let ended: Promise<void> = Promise.resolve();
  let end = () => {};
  return {
    ...queue,
    async receive(signal) {
      await ended;
      const message = await queue.receive(signal);
      ended = new Promise((resolve) => {
        end = resolve;
      });
      return message;
    },
    async done(message) {
      await queue.done(message);
      end();
    },
  };
};

export interface SimulationOptions {
  /** When jobs come, in milliseconds from the start, in order. */
  arrivals: readonly number[];
  engine: WorkerOptions['engine'];
  overlaps?: boolean;
}

/** Has a worker do jobs that come when they come. @returns their records in the order of coming. */
export const simulateWorker = async (options: SimulationOptions): Promise<JobRecord[]> => {
  const { arrivals, engine, overlaps = true } = options;
  await using folder = await createTemporaryFolder();
  const database = await openJobDatabase(folder.path);
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  try {
    const notifier = createChangeNotifier();
    const newJobId = createJobIdSource();
    const local = createLocalJobStore({ database, notifier, newJobId, now: Date.now, maxQueued: 10_000 });
    const ids: string[] = [];
    for (const [index, at] of arrivals.entries()) {
      setTimeout(async () => {
        ids[index] = (await local.create(newJob({ settings: { ...SETTINGS, steps: STEPS } }))).id;
        await queue.send('');
      }, at);
    }
    const store: JobStore = {
      ...local,
      get: slowly(TIMES.request, local.get),
      acquire: slowly(TIMES.request, local.acquire),
      complete: slowly(TIMES.request, local.complete),
    };
    const near = createLocalJobQueue({ database, notifier, now: Date.now });
    const queue: JobQueue = {
      ...near,
      receive: slowly(TIMES.request, near.receive),
      receiveNow: slowly(TIMES.request, near.receiveNow),
      done: slowly(TIMES.request, near.done),
    };
    const objects: WorkerOptions['objects'] = {
      put: slowly(TIMES.upload, async () => 'created' as const),
      get: async () => undefined,
    };
    const worker = startWorker({
      ...{ engine, store, objects, logger: silentLogger, leaseSeconds: 60, heartbeatMs: 2000, phaseIntervalMs: 1000 },
      queue: overlaps ? queue : oneAfterTheOther(queue),
    });
    const isDone = async () => {
      const jobs = await Promise.all(ids.map((id) => local.get(id)));
      return jobs.length === arrivals.length && jobs.every((job) => job !== undefined && isFinished(job));
    };
    while (!(await isDone())) await pass(1000);
    const drained = worker.drain().then(() => true);
    while (!(await Promise.race([drained, pass(TICK).then(() => false)])));
    return await Promise.all(ids.map(async (id) => (await local.get(id)) as JobRecord));
  } finally {
    mock.timers.reset();
    database.close();
  }
};

/** Lets time pass, and all happen that happens meanwhile. */
const pass = async (ms: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += TICK) {
    mock.timers.tick(TICK);
    // Work goes on in promises: some turns of the event loop are time enough.
    for (let i = 0; i < 4; i++) await turn();
  }
};
