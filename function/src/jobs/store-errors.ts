import { FunctionError } from '../errors.ts';

/** The key belongs to another job. */
export const conflict = (): FunctionError =>
  new FunctionError('conflict', 'This idempotencyKey was used for a job with other input: use a new key', {
    field: 'idempotencyKey',
  });

export const tooManyQueued = (queued: number): FunctionError =>
  new FunctionError('rate_limited', `${queued} jobs are waiting already: try again later`, {
    isRetryable: true,
    retryAfterSeconds: 10,
  });
