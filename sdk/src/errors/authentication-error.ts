import { SafelightError } from './safelight-error.ts';

/** The key is missing, wrong (`unauthorized`) or not allowed to do this (`forbidden`). */
export class AuthenticationError extends SafelightError {
  override readonly name = 'AuthenticationError';

  static override isInstance(error: unknown): error is AuthenticationError {
    return SafelightError.isInstance(error) && error.name === 'AuthenticationError';
  }
}
