import { SafelightError } from './safelight-error.ts';

/**
 * Too many requests, also after the retries (`rate_limited`): `retryAfterMs` says how long the server asks to wait. Or the
 * key's allowance is used up (`quota_exceeded`), which no retry changes.
 */
export class RateLimitError extends SafelightError {
  override readonly name = 'RateLimitError';

  static override isInstance(error: unknown): error is RateLimitError {
    return SafelightError.isInstance(error) && error.name === 'RateLimitError';
  }
}
