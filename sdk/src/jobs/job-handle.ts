import { type CallOptions, DEFAULT_WAIT_MS } from '../call-options.ts';
import type { Connection } from '../connection.ts';
import type { Job } from '../contract/index.ts';
import type { GenerateResult } from '../job-types.ts';
import { procedures } from '../procedures.ts';
import { createUpdateFilter } from './update-filter.ts';
import { type ProgressCallback, waitForJob } from './wait-for-job.ts';
import { watchJob } from './watch-job.ts';

/** Options of a job handle's `wait`. */
export interface WaitOptions extends CallOptions {
  onProgress?: ProgressCallback | undefined;
  /** Time to wait, in milliseconds. @defaultValue 1800000, half an hour */
  deadlineMs?: number | undefined;
}

/** A submitted job. It goes on by itself, whether or not anyone waits. */
export interface JobHandle extends AsyncIterable<Job> {
  /** Keep it to `resume` the job later, from another process too. */
  readonly id: string;
  /** The job's latest state that this handle has seen. */
  readonly job: Job;
  /**
   * Waits for the pictures. An abort or the deadline ends the waiting only, the job goes on: `cancel` stops it.
   * What `onProgress` throws ends the waiting too and is rethrown here.
   *
   * @throws JobFailedError, JobCanceledError, TimeoutError with the job's id, the signal's reason.
   */
  wait(options?: WaitOptions): Promise<GenerateResult>;
  /**
   * Each state of the job, none twice, from the latest known to the final one. Leaving the loop leaves the job running.
   * Iterating the handle itself is the same without options.
   */
  updates(options?: CallOptions): AsyncGenerator<Job, void>;
  /** Stops the job. A finished job stays as it is. */
  cancel(options?: CallOptions): Promise<Job>;
}

/** Makes the handle of a job that the server has answered with. */
export function createJobHandle(connection: Connection, submitted: Job): JobHandle {
  const isNews = createUpdateFilter();
  isNews(submitted);
  let latest = submitted;
  const remember = (job: Job): Job => {
    if (isNews(job)) latest = job;
    return job;
  };
  const { id } = submitted;

  async function* updates(options: CallOptions = {}): AsyncGenerator<Job, void> {
    const scope = connection.openScope(options, { jobId: id });
    try {
      for await (const job of watchJob(connection, latest, scope)) yield remember(job);
    } finally {
      scope.close();
    }
  }

  return {
    id,
    get job() {
      return latest;
    },
    wait: ({ onProgress, signal, deadlineMs = DEFAULT_WAIT_MS } = {}) =>
      connection.run({ signal, deadlineMs }, (scope) => waitForJob(connection, latest, scope, onProgress, remember), {
        jobId: id,
      }),
    updates,
    cancel: (options = {}) =>
      connection
        .run(options, (scope) => connection.request(procedures.cancelJob(id), scope), { jobId: id })
        .then(remember),
    [Symbol.asyncIterator]: () => updates(),
  };
}
