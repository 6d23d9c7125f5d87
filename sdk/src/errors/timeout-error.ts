import { SafelightError, type SafelightErrorOptions } from './safelight-error.ts';

/**
 * Time ran out: of one request (`code` is `request_timeout`, retryable) or of the whole call (`deadline_exceeded`).
 * `jobId` names the job, where there is one already.
 */
export class TimeoutError extends SafelightError {
  override readonly name = 'TimeoutError';

  constructor(
    message: string,
    options: Omit<SafelightErrorOptions, 'code' | 'isRetryable'> & { code: 'request_timeout' | 'deadline_exceeded' },
  ) {
    super(message, { ...options, isRetryable: options.code === 'request_timeout' });
  }

  static override isInstance(error: unknown): error is TimeoutError {
    return SafelightError.isInstance(error) && error.name === 'TimeoutError';
  }
}
