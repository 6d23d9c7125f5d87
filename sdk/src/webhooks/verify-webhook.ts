import * as z from 'zod/mini';
import { type WebhookEvent, webhookEventSchema } from '../contract/index.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { InvalidWebhookError } from '../errors/invalid-webhook-error.ts';

/** A webhook request, where the framework has no `Request`. */
export interface WebhookRequest {
  /** As the framework gives them, names in lower case, or a `Headers` object. */
  headers: Headers | Record<string, string | string[] | undefined>;
  /** The raw body: parsing and writing it again changes it, and the signature is of its bytes. */
  body: string | Uint8Array<ArrayBuffer>;
}

/** Options of `verifyWebhook`. */
export interface VerifyWebhookOptions {
  /** The server's secret, `whsec_…`; several while one is replaced by the next. */
  secret: string | readonly string[];
  /** How far the message's time may be from this machine's, in seconds, either way. @defaultValue 300 */
  toleranceSeconds?: number | undefined;
  /** Milliseconds since 1970. @defaultValue Date.now */
  now?: (() => number) | undefined;
}

/** A genuine announcement. */
export interface VerifiedWebhook extends WebhookEvent {
  /** The same each time that a message is sent again: remember it to handle each message once. */
  id: string;
}

/**
 * Checks that a webhook request comes from the server, by its Standard Webhooks signature, and was sent just now, so
 * that nobody can send a recorded one again.
 *
 * @throws InvalidWebhookError, and InvalidInputError for a secret that is none.
 * @example
 * const event = await verifyWebhook(request, { secret: process.env.SAFELIGHT_WEBHOOK_SECRET });
 * if (event.type === 'job.succeeded') await handle(await safelight.resume(event.data.jobId));
 */
export async function verifyWebhook(
  request: Request | WebhookRequest,
  { secret, toleranceSeconds = 300, now = Date.now }: VerifyWebhookOptions,
): Promise<VerifiedWebhook> {
  const keys = await Promise.all((typeof secret === 'string' ? [secret] : secret).map(importKey));
  const id = header(request.headers, 'webhook-id');
  const timestamp = header(request.headers, 'webhook-timestamp');
  if (!/^\d{1,12}$/.test(timestamp)) throw new InvalidWebhookError('The header webhook-timestamp is not a time');
  if (Math.abs(now() / 1000 - Number(timestamp)) > toleranceSeconds) {
    throw new InvalidWebhookError('The message was sent too long ago, or this machine has the wrong time');
  }

  const body = request instanceof Request ? await request.text() : toText(request.body);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signatures = signaturesOf(header(request.headers, 'webhook-signature'));
  const checks = keys.flatMap((key) =>
    signatures.map((signature) => crypto.subtle.verify('HMAC', key, signature, signed)),
  );
  if (!(await Promise.all(checks)).includes(true)) {
    throw new InvalidWebhookError('The signature was not made with this secret, or the message was changed');
  }
  return { id, ...parseEvent(body) };
}

function header(headers: WebhookRequest['headers'], name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  if (typeof value !== 'string' || value === '') throw new InvalidWebhookError(`The header ${name} is missing`);
  return value;
}

function toText(body: string | Uint8Array<ArrayBuffer>): string {
  return typeof body === 'string' ? body : new TextDecoder().decode(body);
}

async function importKey(secret: string): Promise<CryptoKey> {
  const bytes = secret.startsWith('whsec_') ? fromBase64(secret.slice('whsec_'.length)) : undefined;
  if (bytes === undefined || bytes.length === 0) {
    const message = 'secret must be what the server signs with: "whsec_" and base64';
    throw new InvalidInputError(message, { code: 'invalid_input', field: 'secret' });
  }
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

/** Those of version 1; there may be several, one for each secret of the server. */
function signaturesOf(value: string): Uint8Array<ArrayBuffer>[] {
  return value
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => fromBase64(signature.slice('v1,'.length)))
    .filter((bytes) => bytes !== undefined);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function parseEvent(body: string): WebhookEvent {
  try {
    return z.parse(webhookEventSchema, JSON.parse(body));
  } catch {
    throw new InvalidWebhookError('The message is genuine, but not one that this version of the SDK knows');
  }
}
