import { SafelightError } from './safelight-error.ts';

/** No such job, image or model. */
export class NotFoundError extends SafelightError {
  override readonly name = 'NotFoundError';

  static override isInstance(error: unknown): error is NotFoundError {
    return SafelightError.isInstance(error) && error.name === 'NotFoundError';
  }
}
