import { SafelightError } from './safelight-error.ts';

/** The server could not do its work: `unavailable`, `internal`, `storage_full` and the like. */
export class ServerError extends SafelightError {
  override readonly name = 'ServerError';

  static override isInstance(error: unknown): error is ServerError {
    return SafelightError.isInstance(error) && error.name === 'ServerError';
  }
}
