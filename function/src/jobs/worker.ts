import type { Engine } from '../engine.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { waitFor } from './change-notifier.ts';
import type { JobMessage, JobQueue } from './job-queue.ts';
import type { JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import { type LeaseKeeper, startLeaseKeeper } from './lease-keeper.ts';
import { describeError, type LogFields, type Logger } from './logger.ts';
import type { GpuPrice } from './price.ts';
import { type Outcome, runJob, type Settlement, settle } from './run-job.ts';

export interface WorkerOptions {
  engine: Pick<Engine, 'generate'>;
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

/** Works through the queue, one job at a time, until it is drained. */
export interface Worker {
  /**
   * Takes no more jobs, stops the one in work at its next step and hands it back without charging the attempt.
   * Resolves when the worker has stopped; so does every further call.
   */
  drain(): Promise<void>;
}

const MAX_BACKOFF_MS = 60_000;
/** Pause after the queue or the store failed, so that an outage does not become a busy loop. */
const TROUBLE_PAUSE_MS = 1000;
/** How often an outcome is written before the job is left to its lease. */
const SETTLE_TRIES = 4;

/** Starts working. */
export const startWorker = (options: WorkerOptions): Worker => {
  const { engine, store, queue, objects, logger, leaseSeconds = 10, maxAttempts = 5, backoffMs = 1000 } = options;
  const { phaseIntervalMs = 100, stallMs = 1_800_000, now = Date.now, random = Math.random } = options;
  const leaseMs = leaseSeconds * 1000;
  const heartbeatMs = options.heartbeatMs ?? Math.min(1000, leaseMs / 3);
  const draining = new AbortController();
  let current: LeaseKeeper | undefined;

  /** Doubles, with a random part so that jobs which failed together do not come back together. */
  const backoffOf = (job: JobRecord) =>
    Math.min(MAX_BACKOFF_MS, backoffMs * 2 ** (job.chargedAttempts - 1)) * (0.75 + random() / 2);

  /** A brief outage of the store must not cost the finished work; a longer one is what leases are for. */
  const settlePatiently = async (outcome: Outcome, job: JobRecord): Promise<Settlement> => {
    const hold = { id: job.id, attempt: job.attempt };
    const hasAttemptsLeft = job.chargedAttempts < maxAttempts;
    for (let triesLeft = SETTLE_TRIES - 1; ; triesLeft--) {
      try {
        return await settle(outcome, { store, hold, hasAttemptsLeft, backoffMs: backoffOf(job) });
      } catch (error) {
        logger('warn', 'job_write_failed', { jobId: job.id, attempt: job.attempt, ...describeError(error) });
        if (triesLeft === 0) throw error;
        await waitFor(Math.min(TROUBLE_PAUSE_MS, leaseMs / 10), new AbortController().signal);
      }
    }
  };

  const logOutcome = (job: JobRecord, outcome: Outcome, settlement: Settlement) => {
    const fields: LogFields = {
      jobId: job.id,
      attempt: job.attempt,
      runMs: now() - (job.startedAt ?? now()),
    };
    const isLost = settlement.outcome === 'lost';
    if (isLost) return logger('warn', 'job_lease_lost', fields);
    if (outcome.kind !== 'failed') return logger('info', `job_${outcome.kind}`, fields);
    const details = { errorCodeSent: outcome.error.code, retryAfterMs: settlement.requeuedAfterMs };
    const { grid, ...settings } = job.settings;
    const texts = [settings, ...(grid?.x ?? []), ...(grid?.y ?? [])];
    const privateTexts = texts.flatMap(({ prompt = '', negativePrompt = '' }) => [prompt, negativePrompt]);
    logger('error', 'job_failed', { ...fields, ...details, ...describeError(outcome.cause, privateTexts) });
  };

  const work = async (message: JobMessage, job: JobRecord): Promise<void> => {
    const hold = { id: job.id, attempt: job.attempt };
    const keeper = startLeaseKeeper({
      ...{ store, queue, message, hold, leaseMs, heartbeatMs, phaseIntervalMs, stallMs, now, logger },
    });
    current = keeper;
    if (draining.signal.aborted) keeper.abort('draining');
    try {
      const outcome = await runJob({ engine, objects, job, keeper, now, gpuPrice: options.gpuPrice });
      // A heartbeat still under way must not follow the final write.
      await keeper.stop();
      const settlement = await settlePatiently(outcome, job);
      logOutcome(job, outcome, settlement);
      if (settlement.requeuedAfterMs !== undefined) await queue.release(message, settlement.requeuedAfterMs / 1000);
      else if (outcome.kind === 'failed' && settlement.outcome === 'written') await queue.bury(message);
      else await queue.done(message);
    } finally {
      await keeper.stop();
      current = undefined;
    }
  };

  const step = async (): Promise<void> => {
    const message = await queue.receive(draining.signal);
    const acquired = await store.acquire(message.jobId, { leaseMs, maxAttempts });
    if (acquired.outcome === 'finished') await queue.done(message);
    else if (acquired.outcome === 'exhausted') await queue.bury(message);
    else if (acquired.outcome === 'busy') await queue.release(message, Math.max(0, acquired.untilMs - now()) / 1000);
    else await work(message, acquired.job);
  };

  const loop = async (): Promise<void> => {
    while (!draining.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (draining.signal.aborted) return;
        logger('error', 'worker_trouble', describeError(error));
        await waitFor(TROUBLE_PAUSE_MS, draining.signal).catch(() => {});
      }
    }
  };
  const stopped = loop();

  return {
    async drain() {
      draining.abort(new Error('The worker is being drained'));
      current?.abort('draining');
      await stopped;
    },
  };
};
