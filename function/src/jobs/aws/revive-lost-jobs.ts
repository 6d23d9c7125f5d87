import type { JobQueue } from '../job-queue.ts';
import { isFinished } from '../job-record.ts';
import type { Logger } from '../logger.ts';
import { createJobIndexes } from './job-indexes.ts';
import { createJobTable, type JobTableOptions } from './job-table.ts';

/** How long after it could be taken a job counts as forgotten: longer than any message is under way. */
const GRACE_MS = 120_000;
/** Jobs that one round looks at, of those that wait and of those that run. */
const MAX_JOBS = 500;

export interface ReviveOptions extends JobTableOptions {
  queue: Pick<JobQueue, 'send'>;
  /** Messages that wait for a worker. */
  countWaiting: () => Promise<number>;
  now: () => number;
  logger: Logger;
}

/**
 * Sends messages for jobs that have none: their submission was cut off before it sent one, or the queue gave up on it.
 * Only while no message waits, since a job behind others is not forgotten. A second message does no harm.
 * @returns how many jobs were put back.
 */
export const reviveLostJobs = async (options: ReviveOptions): Promise<number> => {
  const { queue, countWaiting, now, logger } = options;
  if ((await countWaiting()) > 0) return 0;
  const indexes = createJobIndexes(options);
  const table = createJobTable(options);
  const forgottenBy = now() - GRACE_MS;
  const [queued, running] = await Promise.all([
    indexes.listState('queued', MAX_JOBS, forgottenBy),
    indexes.listState('running', MAX_JOBS),
  ]);
  let revived = 0;
  for (const { id } of [...queued, ...running]) {
    // The index lags, and says nothing of leases.
    const job = await table.get(id);
    if (job === undefined || isFinished(job) || (job.takeableAt ?? 0) > forgottenBy) continue;
    await queue.send(id);
    revived++;
    logger('warn', 'job_revived', { jobId: id, status: job.status, attempt: job.attempt });
  }
  return revived;
};
