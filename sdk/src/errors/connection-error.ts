import { SafelightError, type SafelightErrorOptions } from './safelight-error.ts';

/** The server could not be reached, or the connection broke before the answer was complete. */
export class ConnectionError extends SafelightError {
  override readonly name = 'ConnectionError';

  constructor(message: string, options: Omit<SafelightErrorOptions, 'code' | 'isRetryable'> = {}) {
    super(message, { ...options, code: 'connection_failed', isRetryable: true });
  }

  static override isInstance(error: unknown): error is ConnectionError {
    return SafelightError.isInstance(error) && error.name === 'ConnectionError';
  }
}
