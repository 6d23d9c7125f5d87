import type { JobError, Phase, UsageEntry } from '@safelight/sdk/contract';
import type { JobHold, JobRecord, JobResult, NewJob } from './job-record.ts';

export interface AcquireOptions {
  leaseMs: number;
  /** A job that was taken this often, and whose workers all went silent, fails with `worker_lost`. */
  maxAttempts: number;
}

/**
 * `acquired`: go on. `busy`: another worker has it. `exhausted`: its attempts were used up, so this call failed it.
 * `finished`: nothing to do (any more), or no such job.
 */
export type AcquireResult =
  | { outcome: 'acquired'; job: JobRecord }
  | { outcome: 'busy'; untilMs: number }
  | { outcome: 'exhausted' }
  | { outcome: 'finished' };

export type HeartbeatResult = { outcome: 'held'; cancelRequested: boolean } | { outcome: 'lost' };

/** `lost`: another attempt took over, or the job is finished; nothing was written. */
export type WriteResult = 'written' | 'lost';

export interface ListOptions {
  owner: string;
  limit: number;
  cursor?: string | undefined;
}

export interface UsageOptions {
  owner: string;
  /** YYYY-MM-DD, UTC. */
  from: string;
  /** The last day, included. */
  to: string;
}

/** What a finished job took for how much there was to do: what estimates are judged by. */
export type RunSample = Pick<JobResult, 'work' | 'timings' | 'usage'>;

/** Job records. Every write is atomic and durable when its promise resolves. */
export interface JobStore {
  /**
   * The same owner and idempotency key make one job only, however many calls race.
   * @returns the job made by this call or by an earlier one with the same input.
   * @throws FunctionError `conflict` when the key belongs to a job with other input; `rate_limited` when too many wait.
   */
  create(job: NewJob): Promise<JobRecord>;
  /** The job that this owner made with this idempotency key. */
  find(owner: string, idempotencyKey: string): Promise<JobRecord | undefined>;
  get(id: string): Promise<JobRecord | undefined>;
  /** Newest first. */
  list(options: ListOptions): Promise<{ jobs: JobRecord[]; nextCursor?: string }>;
  /** How many queued jobs come before this one, counted up to 1,000. */
  queuePosition(job: JobRecord): Promise<number>;
  counts(): Promise<{ queued: number; running: number }>;
  /** What the owner's succeeded jobs used, by the UTC day on which they finished, the earliest first. */
  usage(options: UsageOptions): Promise<UsageEntry[]>;
  /** The latest succeeded jobs with a model, whoever's they were, newest first. Those of older servers are left out. */
  recentRuns(model: string, limit: number): Promise<RunSample[]>;

  acquire(id: string, options: AcquireOptions): Promise<AcquireResult>;
  /** Extends the lease from now on; carries the latest phase. */
  heartbeat(hold: JobHold, options: { leaseMs: number; phase?: Phase | undefined }): Promise<HeartbeatResult>;
  complete(hold: JobHold, result: JobResult): Promise<WriteResult>;
  fail(hold: JobHold, error: JobError): Promise<WriteResult>;
  /** Back to the queue. An attempt that is not charged does not count against the limit. */
  release(hold: JobHold, options: { delayMs: number; isCharged: boolean }): Promise<WriteResult>;
  /** The worker stopped on request. */
  confirmCancel(hold: JobHold): Promise<WriteResult>;
  /**
   * Queued jobs are canceled at once; running ones are flagged, and their worker stops at its next step.
   * @returns the job as it is now; unchanged when it was finished already.
   */
  requestCancel(id: string): Promise<JobRecord | undefined>;
}
