import type { FailedJob } from '../job-types.ts';
import { SafelightError } from './safelight-error.ts';

/** The server took the job but could not make the pictures; `code` and the message are the job's own. */
export class JobFailedError extends SafelightError {
  override readonly name = 'JobFailedError';
  /** Not enumerable, so that logging the error does not log the prompt. */
  declare readonly job: FailedJob;

  constructor(job: FailedJob) {
    super(`Job ${job.id} failed: ${job.error.message}`, {
      code: job.error.code,
      isRetryable: job.error.isRetryable,
      jobId: job.id,
    });
    Object.defineProperty(this, 'job', { value: job });
  }

  static override isInstance(error: unknown): error is JobFailedError {
    return SafelightError.isInstance(error) && error.name === 'JobFailedError';
  }
}
