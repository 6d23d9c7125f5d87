import { SafelightError } from './safelight-error.ts';

/** The input is not allowed; `field` names the part at fault. Found before anything is sent where the contract knows, else by the server. */
export class InvalidInputError extends SafelightError {
  override readonly name = 'InvalidInputError';

  static override isInstance(error: unknown): error is InvalidInputError {
    return SafelightError.isInstance(error) && error.name === 'InvalidInputError';
  }
}
