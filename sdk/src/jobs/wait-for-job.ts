import type { Connection } from '../connection.ts';
import type { Job } from '../contract/index.ts';
import { JobCanceledError } from '../errors/job-canceled-error.ts';
import { JobFailedError } from '../errors/job-failed-error.ts';
import { type GenerateResult, isFinished, type PendingJob } from '../job-types.ts';
import { raceAbort } from '../timing/race-abort.ts';
import type { Scope } from '../timing/scope.ts';
import { watchJob } from './watch-job.ts';

/** Called with each new state of a job on its way. A promise is awaited; updates that come meanwhile follow after it. */
export type ProgressCallback = (job: PendingJob) => void | Promise<void>;

/**
 * Waits for the pictures.
 * @throws JobFailedError, JobCanceledError, and whatever `onProgress` throws.
 */
export async function waitForJob(
  connection: Connection,
  known: Job,
  scope: Scope,
  onProgress: ProgressCallback | undefined,
  onUpdate: (job: Job) => void,
): Promise<GenerateResult> {
  for await (const job of watchJob(connection, known, scope)) {
    onUpdate(job);
    if (isFinished(job)) return toResult(job);
    if (onProgress !== undefined) await raceAbort(Promise.resolve(onProgress(job)), scope.signal);
  }
  throw new Error('unreachable: a watched job ends with its final state');
}

function toResult(job: Exclude<Job, PendingJob>): GenerateResult {
  if (job.status === 'failed') throw new JobFailedError(job);
  if (job.status === 'canceled') throw new JobCanceledError(job);
  return {
    images: job.images.map((image) => ({ ...image, jobId: job.id })),
    seed: job.settings.seed,
    settings: job.settings,
    warnings: job.warnings,
    timings: job.timings,
    job,
  };
}
