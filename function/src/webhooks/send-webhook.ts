import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { createPublicLookup, isPublicAddress, PrivateAddressError } from './public-address.ts';
import type { SignWebhook } from './sign-webhook.ts';

/** A receiver has this long for its answer; Standard Webhooks recommends 15 to 30 seconds. */
const TIMEOUT_MS = 15_000;

export interface SendWebhookOptions {
  url: string;
  /** The same in every try. */
  id: string;
  body: string;
  sign: SignWebhook;
  /** Whether `http:` and addresses of private networks are fine, as on a developer's machine. */
  allowsPrivate: boolean;
  now: () => number;
  signal: AbortSignal;
}

/** `refused`: there is no point in trying again. */
export type WebhookResult = { outcome: 'delivered' } | { outcome: 'failed' | 'refused'; reason: string };

/** Whether a webhook's address can be had at all; names are looked at again when they are resolved. */
export const isAllowedWebhookUrl = (url: string, allowsPrivate: boolean): boolean => {
  if (allowsPrivate) return true;
  const { protocol, hostname } = new URL(url);
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  return protocol === 'https:' && (isIP(address) === 0 || isPublicAddress(address));
};

/** The status of the answer. Redirects are not followed: they could lead into a private network. */
const post = (options: SendWebhookOptions, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const { url, body, allowsPrivate, signal } = options;
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      // One connection per message: receivers are many, messages few.
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      ...(allowsPrivate ? {} : { lookup: createPublicLookup() }),
    });
    request.on('error', reject);
    request.on('response', (response) => {
      // Whatever the receiver has to say beyond the status is not read.
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.end(body);
  });

const reasonOf = (error: unknown): string => {
  const { name, code } = error as { name?: string; code?: string };
  return code ?? name ?? 'unknown';
};

/** Sends one message once. Rejects only with the signal's reason; no reason that it gives names the address. */
export const sendWebhook = async (options: SendWebhookOptions): Promise<WebhookResult> => {
  const { url, id, body, sign, allowsPrivate, now, signal } = options;
  if (!isAllowedWebhookUrl(url, allowsPrivate)) return { outcome: 'refused', reason: 'PrivateAddressError' };
  try {
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Safelight',
      ...sign({ id, body, sentAt: now() }),
    };
    const status = await post(options, headers);
    if (status >= 200 && status < 300) return { outcome: 'delivered' };
    return { outcome: status === 410 ? 'refused' : 'failed', reason: `status ${status}` };
  } catch (error) {
    signal.throwIfAborted();
    return { outcome: error instanceof PrivateAddressError ? 'refused' : 'failed', reason: reasonOf(error) };
  }
};
