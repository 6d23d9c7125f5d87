import { Webhook } from 'standardwebhooks';
import { FunctionError } from '../errors.ts';

/** What the Standard Webhooks headers are made from. */
export interface WebhookMessage {
  /** The same in every try, so that receivers can tell repetitions. */
  id: string;
  body: string;
  /** Epoch milliseconds of this try: receivers refuse old ones. */
  sentAt: number;
}

/** The headers that prove where a message comes from. */
export type SignWebhook = (message: WebhookMessage) => Record<string, string>;

/** Standard Webhooks asks for 24 to 64 bytes. */
const SECRET = /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/;

/**
 * Signs with every secret, so that a secret can be changed while receivers still know the old one.
 * @throws FunctionError `invalid_input` for a secret that is none.
 */
export const createWebhookSigner = (secrets: readonly string[]): SignWebhook => {
  if (secrets.some((secret) => !SECRET.test(secret)))
    throw new FunctionError(
      'invalid_input',
      'A webhook secret is "whsec_" and 24 to 64 bytes in base64: make one with `echo whsec_$(openssl rand -base64 32)`',
    );
  const webhooks = secrets.map((secret) => new Webhook(secret));
  return ({ id, body, sentAt }) => ({
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(sentAt / 1000)),
    'webhook-signature': webhooks.map((webhook) => webhook.sign(id, new Date(sentAt), body)).join(' '),
  });
};
