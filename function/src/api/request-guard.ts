import type { IncomingMessage, ServerResponse } from 'node:http';
import { FunctionError } from '../errors.ts';
import { hostNameOf, isLoopbackHost } from './auth.ts';

export interface RequestGuardOptions {
  /** Whether callers sign in. Without keys, only this machine's own pages and programs may call. */
  hasApiKeys: boolean;
  /** Web origins that may call from a browser. */
  corsOrigins: readonly string[];
}

/**
 * What is decided by a request's headers alone: names that a server without keys answers to, and browsers' origins.
 */
export interface RequestGuard {
  /** @throws FunctionError `forbidden` or `invalid_input` */
  check(request: IncomingMessage): void;
  /** Adds CORS headers. @returns whether the request was a preflight, and is answered. */
  answerPreflight(request: IncomingMessage, response: ServerResponse): boolean;
}

/** What callers may send from a browser; `x-stainless-…` is how OpenAI's client describes itself. */
const ALLOWED_HEADERS = ['authorization', 'content-type', 'idempotency-key'];
const isAllowedHeader = (name: string): boolean =>
  /^(x-stainless-[a-z-]{1,40}|openai-organization|openai-project)$/.test(name);

const allowedHeaders = (asked = ''): string => {
  const others = asked.split(',').map((name) => name.trim().toLowerCase());
  return [...ALLOWED_HEADERS, ...others.filter(isAllowedHeader)].join(', ');
};

export const createRequestGuard = ({ hasApiKeys, corsOrigins }: RequestGuardOptions): RequestGuard => ({
  check({ headers }) {
    const name = hostNameOf(headers.host ?? 'localhost');
    if (name === undefined) throw new FunctionError('invalid_input', 'The Host header is not a host name');
    if (hasApiKeys) return;
    // A web page may point its own name at 127.0.0.1 and so reach this server; its name gives it away.
    if (!isLoopbackHost(name))
      throw new FunctionError('forbidden', 'This server has no API key, so it answers to localhost only');
    const { origin } = headers;
    if (origin !== undefined && origin !== `http://${headers.host}` && !corsOrigins.includes(origin))
      throw new FunctionError(
        'forbidden',
        'Web pages of other origins may not use this server: allow the origin, or set an API key',
      );
  },
  answerPreflight({ method, headers }, response) {
    const { origin } = headers;
    if (corsOrigins.length > 0) response.setHeader('vary', 'origin');
    if (origin === undefined || !corsOrigins.includes(origin)) return false;
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', 'x-request-id, x-should-retry, retry-after, date');
    if (method !== 'OPTIONS') return false;
    response.setHeader('access-control-allow-methods', 'GET, POST, PUT');
    response.setHeader('access-control-allow-headers', allowedHeaders(headers['access-control-request-headers']));
    response.setHeader('access-control-max-age', '600');
    response.writeHead(204).end();
    return true;
  },
});
