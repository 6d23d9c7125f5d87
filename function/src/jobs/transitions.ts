/**
 * A job's life as pure functions: each takes the record as it is and says what becomes of it, or null when nothing
 * may change. A store reads, applies one, and writes only if nobody wrote in between (SQLite: one transaction;
 * DynamoDB: a condition on `revision`), so all homes share these rules.
 */
import type { JobError, Phase } from '@safelight/sdk/contract';
import { isFinished, type JobRecord, type JobResult } from './job-record.ts';

export interface LeaseTerms {
  now: number;
  leaseMs: number;
}

const finish = (
  job: JobRecord,
  now: number,
  outcome: { status: 'succeeded' | 'failed' | 'canceled'; result?: JobResult; error?: JobError },
): JobRecord => ({
  ...job,
  status: outcome.status,
  result: outcome.result ?? null,
  error: outcome.error ?? null,
  finishedAt: now,
  takeableAt: null,
  phase: null,
});

/** Whether this attempt still owns the job. A lease that ran out holds until somebody else takes the job. */
const isHeld = (job: JobRecord, attempt: number): boolean => job.status === 'running' && job.attempt === attempt;

const workerLost: JobError = {
  code: 'worker_lost',
  message: 'The worker was lost during this job, each time it was tried: the server may be short of memory',
  isRetryable: true,
};

/**
 * A worker takes the job, under the next fencing number. A job to be canceled, or whose attempts are used up
 * without a word from any worker, finishes here instead.
 */
export const acquireJob = (job: JobRecord, terms: LeaseTerms & { maxAttempts: number }): JobRecord | null => {
  const { now, leaseMs, maxAttempts } = terms;
  if (job.takeableAt === null || job.takeableAt > now) return null;
  if (job.cancelRequested) return finish(job, now, { status: 'canceled' });
  if (job.chargedAttempts >= maxAttempts) return finish(job, now, { status: 'failed', error: workerLost });
  return {
    ...job,
    status: 'running',
    attempt: job.attempt + 1,
    chargedAttempts: job.chargedAttempts + 1,
    takeableAt: now + leaseMs,
    startedAt: now,
    phase: { name: 'provisioning' },
  };
};

/** The worker lives: its lease grows and its latest phase is kept. */
export const extendLease = (
  job: JobRecord,
  attempt: number,
  { now, leaseMs, phase }: LeaseTerms & { phase?: Phase | undefined },
): JobRecord | null => (isHeld(job, attempt) ? { ...job, takeableAt: now + leaseMs, phase: phase ?? job.phase } : null);

/** The pictures are stored. Wins over a cancel that came too late to be seen. */
export const completeJob = (job: JobRecord, attempt: number, now: number, result: JobResult): JobRecord | null =>
  isHeld(job, attempt) ? finish(job, now, { status: 'succeeded', result }) : null;

export const failJob = (job: JobRecord, attempt: number, now: number, error: JobError): JobRecord | null =>
  isHeld(job, attempt) ? finish(job, now, { status: 'failed', error }) : null;

/** The worker stopped because the job is to be canceled. */
export const cancelHeldJob = (job: JobRecord, attempt: number, now: number): JobRecord | null =>
  isHeld(job, attempt) ? finish(job, now, { status: 'canceled' }) : null;

export interface ReleaseTerms {
  now: number;
  /** How long nobody may take it. */
  delayMs: number;
  /** Whether the attempt counts against the limit. */
  isCharged: boolean;
}

/** The worker hands the job back. */
export const releaseJob = (job: JobRecord, attempt: number, terms: ReleaseTerms): JobRecord | null => {
  const { now, delayMs, isCharged } = terms;
  if (!isHeld(job, attempt)) return null;
  if (job.cancelRequested) return finish(job, now, { status: 'canceled' });
  return {
    ...job,
    status: 'queued',
    chargedAttempts: job.chargedAttempts - (isCharged ? 0 : 1),
    takeableAt: now + delayMs,
    startedAt: null,
    phase: null,
  };
};

/** Queued jobs, and running ones whose worker is gone, end at once; a living worker is asked to stop. */
export const requestCancel = (job: JobRecord, now: number): JobRecord | null => {
  if (isFinished(job)) return null;
  const isWorkerAlive = job.status === 'running' && job.takeableAt !== null && job.takeableAt > now;
  if (!isWorkerAlive) return finish(job, now, { status: 'canceled' });
  return job.cancelRequested ? null : { ...job, cancelRequested: true };
};
