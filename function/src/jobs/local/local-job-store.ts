import type { FunctionError } from '../../errors.ts';
import { type ChangeNotifier, QUEUE_TOPIC, WEBHOOK_TOPIC } from '../change-notifier.ts';
import { createJobRecord, isFinished, type JobRecord, type NewJob } from '../job-record.ts';
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
import { type JobDatabase, toStoreError } from './database.ts';
import { inGroups } from './in-groups.ts';
import { fromRow, INSERT_JOB, type JobRow, toInsertValues, toUpdateValues, UPDATE_JOB } from './job-row.ts';
import { createLocalUsage } from './local-usage.ts';

/** Counting further would make reading a job slower the longer the queue is. */
const MAX_POSITION = 1000;

export interface LocalJobStoreOptions {
  database: JobDatabase;
  notifier: ChangeNotifier;
  newJobId: () => string;
  now: () => number;
  /** Jobs that may wait at a time; more are refused with `rate_limited`. */
  maxQueued: number;
  /** Told of each job that this store ends. @defaultValue nobody */
  onFinished?: (job: JobRecord) => void;
}

const prepareStatements = (database: JobDatabase) => ({
  insert: database.prepare(INSERT_JOB),
  update: database.prepare(UPDATE_JOB),
  get: database.prepare('SELECT * FROM jobs WHERE id = ?'),
  find: database.prepare('SELECT * FROM jobs WHERE owner = ? AND idempotency_key = ?'),
  list: database.prepare('SELECT * FROM jobs WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?'),
  count: database.prepare('SELECT jobs FROM job_counts WHERE status = ?'),
  announce: database.prepare('INSERT INTO webhooks (job_id, due_at, tries) VALUES (?, ?, 0)'),
  position: database.prepare(
    `SELECT count(*) AS jobs FROM (SELECT 1 FROM jobs
     WHERE status = 'queued' AND takeable_at IS NOT NULL AND (takeable_at, id) < (?, ?) LIMIT ${MAX_POSITION})`,
  ),
});

/** Job records in SQLite. The local queue reads the same table, so a record and its message cannot drift apart. */
export const createLocalJobStore = (options: LocalJobStoreOptions): JobStore => {
  const { database, notifier, newJobId, now, maxQueued, onFinished } = options;
  const statements = prepareStatements(database);

  const read = (row: unknown): JobRecord | undefined => (row === undefined ? undefined : fromRow(row as JobRow));
  const count = (row: unknown): number => (row as { jobs: number }).jobs;
  const countOf = (status: 'queued' | 'running') => count(statements.count.get(status));

  const alone = <T>(work: () => T): T => {
    try {
      return database.transaction(work);
    } catch (error) {
      throw toStoreError(error);
    }
  };

  /** Applies a transition and tells who waits; null from it means that nothing may change. */
  const change = (id: string, transition: (job: JobRecord) => JobRecord | null) => {
    const result = alone(() => {
      const before = read(statements.get.get(id));
      const changed = before === undefined ? null : transition(before);
      const after = changed === null ? undefined : { ...changed, revision: changed.revision + 1 };
      if (after !== undefined) statements.update.run(...toUpdateValues(after));
      if (after?.webhookUrl != null && isFinished(after)) statements.announce.run(id, now());
      return { before, after };
    });
    if (result.after !== undefined) {
      notifier.notify(id);
      if (result.after.status === 'queued') notifier.notify(QUEUE_TOPIC);
      if (isFinished(result.after)) {
        notifier.notify(WEBHOOK_TOPIC);
        onFinished?.(result.after);
      }
    }
    return result;
  };
  const write = (id: string, transition: (job: JobRecord) => JobRecord | null): WriteResult =>
    change(id, transition).after === undefined ? 'lost' : 'written';

  /** @returns What stops this job alone; what stops the transaction is thrown. */
  const createOne = (request: NewJob): JobRecord | FunctionError => {
    const existing = read(statements.find.get(request.owner, request.idempotencyKey));
    if (existing !== undefined) return existing.inputHash === request.inputHash ? existing : conflict();
    const queued = countOf('queued');
    if (queued >= maxQueued) return tooManyQueued(queued);
    const created = createJobRecord(request, newJobId(), now());
    statements.insert.run(...toInsertValues(created));
    return created;
  };

  return {
    create: inGroups<NewJob, JobRecord>((requests) => {
      const outcomes = alone(() => requests.map(createOne));
      notifier.notify(QUEUE_TOPIC);
      return outcomes;
    }),
    find: async (owner, idempotencyKey) => read(statements.find.get(owner, idempotencyKey)),
    get: async (id) => read(statements.get.get(id)),
    async list({ owner, limit, cursor }) {
      // '~' sorts after every id. One more than asked for tells whether there is a next page.
      const rows = statements.list.all(owner, cursor ?? '~', limit + 1) as JobRow[];
      const jobs = rows.slice(0, limit).map(fromRow);
      const last = jobs.at(-1);
      return rows.length > limit && last !== undefined ? { jobs, nextCursor: last.id } : { jobs };
    },
    queuePosition: async (job) => count(statements.position.get(job.takeableAt ?? 0, job.id)),
    ...createLocalUsage(database),
    counts: async () => ({ queued: countOf('queued'), running: countOf('running') }),

    async acquire(id, { leaseMs, maxAttempts }): Promise<AcquireResult> {
      const { before, after } = change(id, (job) => acquireJob(job, { now: now(), leaseMs, maxAttempts }));
      if (after?.status === 'running') return { outcome: 'acquired', job: after };
      if (after?.status === 'failed') return { outcome: 'exhausted' };
      if (before === undefined || after !== undefined || isFinished(before)) return { outcome: 'finished' };
      return { outcome: 'busy', untilMs: before.takeableAt ?? now() };
    },
    async heartbeat({ id, attempt }, { leaseMs, phase }) {
      const { after } = change(id, (job) => extendLease(job, attempt, { now: now(), leaseMs, phase }));
      return after === undefined ? { outcome: 'lost' } : { outcome: 'held', cancelRequested: after.cancelRequested };
    },
    complete: async ({ id, attempt }, result) => write(id, (job) => completeJob(job, attempt, now(), result)),
    fail: async ({ id, attempt }, error) => write(id, (job) => failJob(job, attempt, now(), error)),
    release: async ({ id, attempt }, terms) => write(id, (job) => releaseJob(job, attempt, { ...terms, now: now() })),
    confirmCancel: async ({ id, attempt }) => write(id, (job) => cancelHeldJob(job, attempt, now())),
    async requestCancel(id) {
      const { before, after } = change(id, (job) => requestCancel(job, now()));
      return after ?? before;
    },
  };
};
