import type { CanceledJob } from '../job-types.ts';
import { SafelightError } from './safelight-error.ts';

/** The job was cancelled by someone: another caller, or an earlier abort. */
export class JobCanceledError extends SafelightError {
  override readonly name = 'JobCanceledError';
  /** Not enumerable, so that logging the error does not log the prompt. */
  declare readonly job: CanceledJob;

  constructor(job: CanceledJob) {
    super(`Job ${job.id} was cancelled`, { code: 'canceled', jobId: job.id });
    Object.defineProperty(this, 'job', { value: job });
  }

  static override isInstance(error: unknown): error is JobCanceledError {
    return SafelightError.isInstance(error) && error.name === 'JobCanceledError';
  }
}
