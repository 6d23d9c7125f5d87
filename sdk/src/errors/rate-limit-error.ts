import { SafelightError } from './safelight-error.ts';

/** Too many requests, also after the retries; `retryAfterMs` says how long the server asks to wait. */
export class RateLimitError extends SafelightError {
  override readonly name = 'RateLimitError';

  static override isInstance(error: unknown): error is RateLimitError {
    return SafelightError.isInstance(error) && error.name === 'RateLimitError';
  }
}
