import type { GenerateSettings } from '@safelight/sdk/contract';
import type { Engine } from '../engine.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createChangeNotifier, waitFor } from './change-notifier.ts';
import type { JobMessage, JobQueue } from './job-queue.ts';
import { isFinished, type JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { describeError, type Logger } from './logger.ts';
import type { GpuPrice } from './price.ts';
import { createTimeShares } from './time-shares.ts';
import { type WorkOptions, workOnJob } from './work-on-job.ts';

export interface WorkerOptions {
  engine: Pick<Engine, 'generate' | 'canDrawTogether'>;
  store: JobStore;
  queue: JobQueue;
  objects: Pick<ObjectStore, 'put' | 'get'>;
  logger: Logger;
  /** How long a job stays with a worker that went silent. @defaultValue 10 */
  leaseSeconds?: number;
  /** How often a job is tried. @defaultValue 5 */
  maxAttempts?: number;
  /** How often the lease is extended and a cancel looked for. @defaultValue a third of the lease, 1000 at most */
  heartbeatMs?: number;
  /** Shortest time between two writes of progress. @defaultValue 100 */
  phaseIntervalMs?: number;
  /** An engine silent for this long is stopped. @defaultValue 1,800,000: half an hour, for slow processors */
  stallMs?: number;
  /** Delay before the second attempt; it doubles for each further one, up to a minute. @defaultValue 1000 */
  backoffMs?: number;
  /** What the worker's time costs. @defaultValue nothing: the owner's own machine */
  gpuPrice?: GpuPrice | undefined;
  /** @defaultValue Date.now */
  now?: () => number;
  /** @defaultValue Math.random */
  random?: () => number;
}

/**
 * Works through the queue until it is drained. While a job's pictures are finished and stored, the next is drawn already;
 * as many may be stored as were ever drawn together, and no more.
 *
 * While a job is drawn, jobs that wait already join it as long as the engine can draw them together: they are never waited for. They
 * are taken as the queue gives them, and the first that does not fit is handed back at once, for any worker, and closes the batch, so
 * that it waits no longer than for jobs that were begun before it. Each job has its own lease, progress, cancel and end.
 */
export interface Worker {
  /**
   * Takes no more jobs, stops those that are drawn at their next step and hands them back without charging the attempt;
   * what is drawn already is stored.
   * Resolves when the worker has stopped; so does every further call.
   */
  drain(): Promise<void>;
}

/** Pause after the queue or the store failed, so that an outage does not become a busy loop. */
const TROUBLE_PAUSE_MS = 1000;
/** How often to see whether there is room for a job, and a job for the room, if nobody tells. */
const LOOK_MS = 1000;
const HANDS = 'hands';

/** A job that this worker works on. */
interface JobInHand {
  readonly settings: GenerateSettings;
  keeper?: LeaseKeeper;
}

/** Starts working. */
export const startWorker = (options: WorkerOptions): Worker => {
  const { engine, store, queue, logger, leaseSeconds = 10, maxAttempts = 5, backoffMs = 1000 } = options;
  const { phaseIntervalMs = 100, stallMs = 1_800_000, now = Date.now, random = Math.random } = options;
  const leaseMs = leaseSeconds * 1000;
  const heartbeatMs = options.heartbeatMs ?? Math.min(1000, leaseMs / 3);
  const shares = createTimeShares(now);
  const workOptions: WorkOptions = {
    ...options,
    ...{ leaseMs, heartbeatMs, phaseIntervalMs, stallMs, maxAttempts, backoffMs, now, random, shares },
  };
  const draining = new AbortController();
  const drawing = new Set<JobInHand>();
  /** Drawn; their pictures are being finished and stored. */
  const storing = new Set<JobInHand>();
  /** Jobs that were drawn together. */
  let mostDrawn = 1;
  /** A job came that does not go with those that are drawn. */
  let isClosed = false;
  const notifier = createChangeNotifier();
  const changes = notifier.subscribe(HANDS);

  const begin = (message: JobMessage, job: JobRecord): void => {
    const hand: JobInHand = { settings: job.settings };
    drawing.add(hand);
    mostDrawn = Math.max(mostDrawn, drawing.size);
    const onStart = (keeper: LeaseKeeper) => {
      hand.keeper = keeper;
      if (draining.signal.aborted) keeper.abort('draining');
    };
    const onDrawn = () => {
      if (drawing.delete(hand)) storing.add(hand);
      notifier.notify(HANDS);
    };
    workOnJob({ message, job, onStart, onDrawn }, workOptions)
      .catch((error: unknown) => logger('error', 'worker_trouble', describeError(error)))
      .finally(() => {
        drawing.delete(hand);
        storing.delete(hand);
        notifier.notify(HANDS);
      });
  };

  const goesWithDrawn = (settings: GenerateSettings): boolean =>
    engine.canDrawTogether?.([...[...drawing].map((hand) => hand.settings), settings]) ?? false;

  /** A job that goes with those that are drawn, if it is the next one. */
  const receiveCompanion = async (): Promise<JobMessage | undefined> => {
    const [first] = drawing;
    // Room for one more of the kind, before one is taken from the queue.
    if (first === undefined || isClosed || !goesWithDrawn(first.settings)) return undefined;
    const message = await queue.receiveNow();
    if (message === undefined) return undefined;
    const job = await store.get(message.jobId);
    if (job === undefined || isFinished(job) || drawing.size === 0 || goesWithDrawn(job.settings)) return message;
    isClosed = true;
    await queue.release(message, 0);
    return undefined;
  };

  const receive = async (): Promise<JobMessage> => {
    for (;;) {
      const canStore = storing.size <= mostDrawn;
      if (canStore && drawing.size === 0) {
        isClosed = false;
        return await queue.receive(draining.signal);
      }
      const companion = canStore ? await receiveCompanion() : undefined;
      if (companion !== undefined) return companion;
      await changes.next(LOOK_MS, draining.signal);
    }
  };

  const step = async (): Promise<void> => {
    const message = await receive();
    const acquired = await store.acquire(message.jobId, { leaseMs, maxAttempts });
    if (acquired.outcome === 'finished') await queue.done(message);
    else if (acquired.outcome === 'exhausted') await queue.bury(message);
    else if (acquired.outcome === 'busy') await queue.release(message, Math.max(0, acquired.untilMs - now()) / 1000);
    else begin(message, acquired.job);
  };

  const loop = async (): Promise<void> => {
    while (!draining.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (draining.signal.aborted) break;
        logger('error', 'worker_trouble', describeError(error));
        await waitFor(TROUBLE_PAUSE_MS, draining.signal).catch(() => {});
      }
    }
    while (drawing.size + storing.size > 0) await changes.next(LOOK_MS, new AbortController().signal);
    changes.close();
  };
  const stopped = loop();

  return {
    async drain() {
      draining.abort(new Error('The worker is being drained'));
      for (const { keeper } of drawing) keeper?.abort('draining');
      await stopped;
    },
  };
};
