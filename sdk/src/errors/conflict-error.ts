import { SafelightError } from './safelight-error.ts';

/** The idempotency key was used before, with other input. */
export class ConflictError extends SafelightError {
  override readonly name = 'ConflictError';

  static override isInstance(error: unknown): error is ConflictError {
    return SafelightError.isInstance(error) && error.name === 'ConflictError';
  }
}
