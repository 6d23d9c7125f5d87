import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { FunctionError } from '../errors.ts';
import { toServiceError } from './service-error.ts';

/** How long a secret that was replaced may still be signed with. Asking for each message would be paid by the message. */
const FRESH_MS = 15 * 60_000;

/** What webhooks are signed with, several while one is replaced. Never to be logged. */
export type WebhookSecrets = () => Promise<readonly string[]>;

/**
 * Secrets kept in a SecureString parameter of SSM, separated by spaces or commas. Read when they are first needed, and
 * anew after a quarter of an hour.
 * @throws FunctionError `unavailable` when SSM is busy or the parameter empty; its own errors, without the request, when it refuses.
 */
export const createWebhookSecrets = (
  client: Pick<SSMClient, 'send'>,
  parameter: string,
  now: () => number = Date.now,
): WebhookSecrets => {
  let known: { secrets: readonly string[]; since: number } | undefined;
  return async () => {
    const since = now();
    if (known === undefined || since - known.since >= FRESH_MS) {
      const command = new GetParameterCommand({ Name: parameter, WithDecryption: true });
      const { Parameter } = await (client as SSMClient).send(command).catch((error: unknown) => {
        throw toServiceError(error, 'SSM');
      });
      const secrets = (Parameter?.Value ?? '').split(/[\s,]+/).filter((secret) => secret !== '');
      // Nothing may leave unsigned.
      if (secrets.length === 0) throw new FunctionError('unavailable', `The parameter ${parameter} holds no secret`);
      known = { since, secrets };
    }
    return known.secrets;
  };
};
