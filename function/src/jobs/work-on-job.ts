import { waitFor } from './change-notifier.ts';
import type { JobMessage, JobQueue } from './job-queue.ts';
import type { JobRecord } from './job-record.ts';
import { type LeaseKeeper, type LeaseKeeperOptions, startLeaseKeeper } from './lease-keeper.ts';
import { describeError, type LogFields } from './logger.ts';
import { type Outcome, type RunJobOptions, runJob, type Settlement, type SettleOptions, settle } from './run-job.ts';
import type { TimeShares } from './time-shares.ts';

const MAX_BACKOFF_MS = 60_000;
/** How often an outcome is written before the job is left to its lease. */
const SETTLE_TRIES = 4;
/** Longest pause between two of these. */
const SETTLE_PAUSE_MS = 1000;

/** What all jobs of one worker share. */
export interface WorkOptions
  extends Omit<LeaseKeeperOptions, 'store' | 'queue' | 'message' | 'hold'>,
    Pick<RunJobOptions, 'engine' | 'objects' | 'gpuPrice'> {
  store: LeaseKeeperOptions['store'] & SettleOptions['store'];
  queue: Pick<JobQueue, 'extend' | 'release' | 'bury' | 'done'>;
  maxAttempts: number;
  backoffMs: number;
  random: () => number;
  shares: TimeShares;
}

/** A job that has just been acquired. */
export interface AcquiredJob {
  message: JobMessage;
  job: JobRecord;
  /** Hears of the keeper of its lease, who can be told to stop the work. */
  onStart: (keeper: LeaseKeeper) => void;
  /** The engine can begin another job. Not called for a job that ends before. */
  onDrawn: () => void;
}

/**
 * Keeps a job's lease, makes and stores its pictures, and writes how that ended.
 * @throws what the store or the queue throws when the end cannot be written; the lease then runs out.
 */
export const workOnJob = async ({ message, job, onStart, onDrawn }: AcquiredJob, options: WorkOptions) => {
  const { queue, shares } = options;
  const hold = { id: job.id, attempt: job.attempt };
  const keeper = startLeaseKeeper({ ...options, message, hold });
  const share = shares.begin();
  onStart(keeper);
  try {
    const outcome = await runJob({ ...options, job, keeper, share, onDrawn });
    // A heartbeat still under way must not follow the final write.
    await keeper.stop();
    const settlement = await settlePatiently(outcome, job, options);
    logOutcome(job, { outcome, settlement }, options);
    if (settlement.requeuedAfterMs !== undefined) await queue.release(message, settlement.requeuedAfterMs / 1000);
    else if (outcome.kind === 'failed' && settlement.outcome === 'written') await queue.bury(message);
    else await queue.done(message);
  } finally {
    share.end();
    await keeper.stop();
  }
};

/** A brief outage of the store must not cost the finished work; a longer one is what leases are for. */
const settlePatiently = async (outcome: Outcome, job: JobRecord, options: WorkOptions): Promise<Settlement> => {
  const { store, maxAttempts, leaseMs, logger } = options;
  const hold = { id: job.id, attempt: job.attempt };
  const hasAttemptsLeft = job.chargedAttempts < maxAttempts;
  for (let triesLeft = SETTLE_TRIES - 1; ; triesLeft--) {
    try {
      return await settle(outcome, { store, hold, hasAttemptsLeft, backoffMs: backoffOf(job, options) });
    } catch (error) {
      logger('warn', 'job_write_failed', { jobId: job.id, attempt: job.attempt, ...describeError(error) });
      if (triesLeft === 0) throw error;
      await waitFor(Math.min(SETTLE_PAUSE_MS, leaseMs / 10), new AbortController().signal);
    }
  }
};

/** Doubles, with a random part so that jobs which failed together do not come back together. */
const backoffOf = ({ chargedAttempts }: JobRecord, { backoffMs, random }: WorkOptions) =>
  Math.min(MAX_BACKOFF_MS, backoffMs * 2 ** (chargedAttempts - 1)) * (0.75 + random() / 2);

const logOutcome = (
  job: JobRecord,
  { outcome, settlement }: { outcome: Outcome; settlement: Settlement },
  { now, logger }: WorkOptions,
) => {
  const fields: LogFields = { jobId: job.id, attempt: job.attempt, runMs: now() - (job.startedAt ?? now()) };
  if (settlement.outcome === 'lost') return logger('warn', 'job_lease_lost', fields);
  if (outcome.kind !== 'failed') return logger('info', `job_${outcome.kind}`, fields);
  const details = { errorCodeSent: outcome.error.code, retryAfterMs: settlement.requeuedAfterMs };
  const { grid, ...settings } = job.settings;
  const texts = [settings, ...(grid?.x ?? []), ...(grid?.y ?? [])];
  const privateTexts = texts.flatMap(({ prompt = '', negativePrompt = '' }) => [prompt, negativePrompt]);
  logger('error', 'job_failed', { ...fields, ...details, ...describeError(outcome.cause, privateTexts) });
};
