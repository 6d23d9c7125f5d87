import { SafelightError, type SafelightErrorOptions } from './safelight-error.ts';

/** The answer is not what the contract says: another program answers there, or a server of another version. */
export class InvalidResponseError extends SafelightError {
  override readonly name = 'InvalidResponseError';

  constructor(message: string, options: Omit<SafelightErrorOptions, 'code'> = {}) {
    super(message, { ...options, code: 'invalid_response' });
  }

  static override isInstance(error: unknown): error is InvalidResponseError {
    return SafelightError.isInstance(error) && error.name === 'InvalidResponseError';
  }
}
