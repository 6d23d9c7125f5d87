import { FunctionError } from '../../errors.ts';
import type { ChangeNotifier } from '../change-notifier.ts';
import { createJobRecord, isFinished, type JobRecord } from '../job-record.ts';
import type { AcquireResult, JobStore, WriteResult } from '../job-store.ts';
import { conflict, tooManyQueued } from '../store-errors.ts';
import {
  acquireJob,
  cancelHeldJob,
  completeJob,
  extendLease,
  failJob,
  releaseJob,
  requestCancel,
} from '../transitions.ts';
import { createJobIndexes } from './job-indexes.ts';
import { expiryOf, queueOrderOf } from './job-item.ts';
import { createJobTable, type JobTableOptions } from './job-table.ts';
import { sumBills } from './sum-bills.ts';

/** Counting further would make reading a job slower the longer the queue is. */
const MAX_POSITION = 1000;
/** Writers of one job are few: its worker, a cancel, perhaps a second worker that comes too early or too late. */
const MAX_CHANGE_TRIES = 20;

export interface DynamoJobStoreOptions extends JobTableOptions {
  /** Wakes watchers of this process; others look for themselves. */
  notifier: Pick<ChangeNotifier, 'notify'>;
  /** Called with each job that ends by a write of this store. */
  onFinished?: (job: JobRecord) => void;
  newJobId: () => string;
  now: () => number;
  /** Jobs that may wait at a time, roughly: the count lags by some milliseconds. More are refused with `rate_limited`. */
  maxQueued: number;
  retentionDays: number;
}

/**
 * Job records in DynamoDB. Every write holds only if nobody wrote since the read before it, so the rules of
 * `transitions.ts` apply as they do under SQLite's lock.
 */
export const createDynamoJobStore = (options: DynamoJobStoreOptions): JobStore => {
  const { notifier, onFinished, newJobId, now, maxQueued, retentionDays } = options;
  const table = createJobTable(options);
  const indexes = createJobIndexes(options);

  /** Applies a transition and tells who waits; null from it means that nothing may change. */
  const change = async (id: string, transition: (job: JobRecord) => JobRecord | null) => {
    for (let triesLeft = MAX_CHANGE_TRIES; triesLeft > 0; triesLeft--) {
      const before = await table.get(id);
      const changed = before === undefined ? null : transition(before);
      if (before === undefined || changed === null) return { before, after: undefined };
      const after = { ...changed, revision: before.revision + 1 };
      if (!(await table.replace(after, before.revision))) continue;
      notifier.notify(id);
      if (isFinished(after)) onFinished?.(after);
      return { before, after };
    }
    throw new FunctionError('unavailable', 'The job is being changed by others: try again', { isRetryable: true });
  };
  const write = async (id: string, transition: (job: JobRecord) => JobRecord | null): Promise<WriteResult> =>
    (await change(id, transition)).after === undefined ? 'lost' : 'written';

  return {
    async create(request) {
      const { owner, idempotencyKey, inputHash } = request;
      const createdAt = now();
      const expiresAt = expiryOf(createdAt, retentionDays);
      let claim = await table.getClaim(owner, idempotencyKey);
      if (claim === undefined) {
        const queued = await indexes.countState('queued', maxQueued);
        if (queued >= maxQueued) throw tooManyQueued(queued);
        claim = await table.claim(owner, idempotencyKey, { jobId: newJobId(), inputHash, expiresAt });
      }
      if (claim.inputHash !== inputHash) throw conflict();
      // Whoever claimed the key may have been cut off here: all who hold the same claim write the same job, once.
      return await table.insert(createJobRecord(request, claim.jobId, createdAt), expiresAt);
    },
    async find(owner, idempotencyKey) {
      const claim = await table.getClaim(owner, idempotencyKey);
      return claim === undefined ? undefined : await table.get(claim.jobId);
    },
    get: (id) => table.get(id),
    async list({ owner, limit, cursor }) {
      // One more than asked for tells whether there is a next page.
      const ids = await indexes.listIds(owner, limit + 1, cursor);
      const jobs = await table.getMany(ids.slice(0, limit));
      const last = ids[limit - 1];
      return ids.length > limit && last !== undefined ? { jobs, nextCursor: last } : { jobs };
    },
    queuePosition: (job) => indexes.countQueuedBefore(queueOrderOf({ ...job, status: 'queued' }), MAX_POSITION),
    async counts() {
      const [queued, running] = await Promise.all([indexes.countState('queued'), indexes.countState('running')]);
      return { queued, running };
    },
    usage: async ({ owner, from, to }) => sumBills(owner, await indexes.listBills(owner, from, to)),
    recentRuns: (model, limit) => indexes.listRuns(model, limit),

    async acquire(id, { leaseMs, maxAttempts }): Promise<AcquireResult> {
      const { before, after } = await change(id, (job) => acquireJob(job, { now: now(), leaseMs, maxAttempts }));
      if (after?.status === 'running') return { outcome: 'acquired', job: after };
      if (after?.status === 'failed') return { outcome: 'exhausted' };
      if (before === undefined || after !== undefined || isFinished(before)) return { outcome: 'finished' };
      return { outcome: 'busy', untilMs: before.takeableAt ?? now() };
    },
    async heartbeat({ id, attempt }, { leaseMs, phase }) {
      const { after } = await change(id, (job) => extendLease(job, attempt, { now: now(), leaseMs, phase }));
      return after === undefined ? { outcome: 'lost' } : { outcome: 'held', cancelRequested: after.cancelRequested };
    },
    complete: ({ id, attempt }, result) => write(id, (job) => completeJob(job, attempt, now(), result)),
    fail: ({ id, attempt }, error) => write(id, (job) => failJob(job, attempt, now(), error)),
    release: ({ id, attempt }, terms) => write(id, (job) => releaseJob(job, attempt, { ...terms, now: now() })),
    confirmCancel: ({ id, attempt }) => write(id, (job) => cancelHeldJob(job, attempt, now())),
    async requestCancel(id) {
      const { before, after } = await change(id, (job) => requestCancel(job, now()));
      return after ?? before;
    },
  };
};
