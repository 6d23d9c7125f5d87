import type { JobError } from '@safelight/sdk/contract';
import type { Engine } from '../engine.ts';
import { FunctionError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { workOf } from '../work.ts';
import type { JobHold, JobRecord, JobResult } from './job-record.ts';
import type { JobStore, WriteResult } from './job-store.ts';
import { type LeaseKeeper, StopWork, stalledError } from './lease-keeper.ts';
import { type GpuPrice, usageOf } from './price.ts';
import { storeImages } from './store-images.ts';
import type { TimeShare } from './time-shares.ts';

/** How an attempt ended, and what is to be written about it. */
export type Outcome =
  | { kind: 'succeeded'; result: JobResult }
  | { kind: 'canceled' }
  /** Another worker has the job: nothing may be written. */
  | { kind: 'lease_lost' }
  /** The worker is shutting down; the attempt does not count. */
  | { kind: 'handed_back' }
  | { kind: 'failed'; error: JobError; cause: unknown; retryAfterSeconds: number | undefined };

export interface RunJobOptions {
  engine: Pick<Engine, 'generate'>;
  objects: Pick<ObjectStore, 'put' | 'get'>;
  job: JobRecord;
  keeper: LeaseKeeper;
  now: () => number;
  /** What the job is billed for. */
  share: TimeShare;
  /** The engine can begin another job. */
  onDrawn: () => void;
  /** Absent where nothing is billed. */
  gpuPrice?: GpuPrice | undefined;
}

const failure = (cause: unknown): Outcome => {
  if (!(cause instanceof FunctionError)) {
    const message = 'The server failed while making this picture: its log says more';
    return {
      kind: 'failed',
      error: { code: 'internal', message, isRetryable: false },
      cause,
      retryAfterSeconds: undefined,
    };
  }
  const { code, message, isRetryable, retryAfterSeconds } = cause;
  return { kind: 'failed', error: { code, message, isRetryable }, cause, retryAfterSeconds };
};

const stopped = ({ stopCause }: StopWork): Outcome => {
  if (stopCause === 'canceled') return { kind: 'canceled' };
  if (stopCause === 'lease_lost') return { kind: 'lease_lost' };
  if (stopCause === 'stalled') return failure(stalledError());
  return { kind: 'handed_back' };
};

const generateAndStore = async (options: RunJobOptions): Promise<JobResult> => {
  const { engine, objects, job, keeper, now, share, onDrawn, gpuPrice } = options;
  const startedAt = job.startedAt ?? now();
  const generation = await engine.generate(job.settings, {
    signal: keeper.signal,
    onPhase: keeper.report,
    onDrawn,
    readUpload: (key) => objects.get(key, { signal: keeper.signal }),
  });
  share.drawn();
  onDrawn();
  const reason: unknown = keeper.signal.reason;
  // Finished before it saw that the worker is being drained: storing takes no longer than doing it all again.
  const isDraining = reason instanceof StopWork && reason.stopCause === 'draining';
  if (!isDraining) keeper.signal.throwIfAborted();
  keeper.report({ name: 'uploading' });
  const uploadStartedAt = now();
  const images = await storeImages({
    objects,
    jobId: job.id,
    format: job.settings.format,
    images: generation.images,
    signal: isDraining ? new AbortController().signal : keeper.signal,
  });
  const queueMs = Math.max(0, startedAt - job.createdAt);
  const timings = { queueMs, ...generation.timings, uploadMs: Math.max(0, now() - uploadStartedAt) };
  const usage = usageOf(share.end(), gpuPrice);
  return { images, warnings: generation.warnings, work: workOf(job.settings), timings, usage };
};

/** Makes a job's pictures and stores them. Never rejects: however it ends is an outcome. */
export const runJob = async (options: RunJobOptions): Promise<Outcome> => {
  try {
    return { kind: 'succeeded', result: await generateAndStore(options) };
  } catch (error) {
    const reason: unknown = options.keeper.signal.reason;
    return reason instanceof StopWork ? stopped(reason) : failure(error);
  }
};

export interface SettleOptions {
  store: Pick<JobStore, 'complete' | 'fail' | 'release' | 'confirmCancel'>;
  hold: JobHold;
  /** Whether a failure that may pass will be tried again. */
  hasAttemptsLeft: boolean;
  /** Milliseconds before the next attempt. */
  backoffMs: number;
}

/** What was done about an outcome: `requeued` with the delay of the next delivery. */
export type Settlement = { outcome: WriteResult; requeuedAfterMs?: number };

/** Writes an outcome into the job's record, in the name of its attempt. */
export const settle = async (outcome: Outcome, options: SettleOptions): Promise<Settlement> => {
  const { store, hold, hasAttemptsLeft, backoffMs } = options;
  const requeue = async (delayMs: number, isCharged: boolean): Promise<Settlement> => ({
    outcome: await store.release(hold, { delayMs, isCharged }),
    requeuedAfterMs: delayMs,
  });
  switch (outcome.kind) {
    case 'succeeded':
      return { outcome: await store.complete(hold, outcome.result) };
    case 'canceled':
      return { outcome: await store.confirmCancel(hold) };
    case 'lease_lost':
      return { outcome: 'lost' };
    case 'handed_back':
      return await requeue(0, false);
    case 'failed': {
      const { error, retryAfterSeconds } = outcome;
      if (!error.isRetryable || !hasAttemptsLeft) return { outcome: await store.fail(hold, error) };
      return await requeue(Math.max(backoffMs, (retryAfterSeconds ?? 0) * 1000), true);
    }
  }
};
