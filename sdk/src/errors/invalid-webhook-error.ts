import { SafelightError } from './safelight-error.ts';

/** A webhook request that is not genuine, too old, or not what the contract says: answer it with status 400. */
export class InvalidWebhookError extends SafelightError {
  override readonly name = 'InvalidWebhookError';

  constructor(message: string) {
    super(message, { code: 'invalid_webhook' });
  }

  static override isInstance(error: unknown): error is InvalidWebhookError {
    return SafelightError.isInstance(error) && error.name === 'InvalidWebhookError';
  }
}
