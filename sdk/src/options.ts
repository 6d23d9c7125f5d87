import { checkDuration } from './call-options.ts';
import { InvalidInputError } from './errors/invalid-input-error.ts';

/** How to reach an endpoint. */
export interface SafelightOptions {
  /** Address of the server, `http:` or `https:`, without `/trpc`. In a page also a path, such as `/api/safelight`. */
  endpoint: string | URL;
  /** Sent as `Authorization: Bearer …`. Keep it out of browsers: put a proxy of your own in between. */
  apiKey?: string | undefined;
  /** Used for every request. @defaultValue the global `fetch` */
  fetch?: typeof fetch | undefined;
  /** How often a request is tried again after a failure that can pass; 0 switches retries off. @defaultValue 4 */
  maxRetries?: number | undefined;
  /** Time for one request, its answer included, in milliseconds. A streamed answer may pause for as long. @defaultValue 30000 */
  requestTimeoutMs?: number | undefined;
  /** Time for one download or upload of a picture, in milliseconds. @defaultValue 120000 */
  transferTimeoutMs?: number | undefined;
}

export interface ResolvedOptions {
  /** Without a slash at the end. */
  endpoint: string;
  apiKey: string | undefined;
  fetch: typeof fetch;
  maxRetries: number;
  requestTimeoutMs: number;
  transferTimeoutMs: number;
}

/** @throws InvalidInputError naming the option at fault, never its value: it may be a key. */
export function resolveOptions(options: SafelightOptions): ResolvedOptions {
  const { apiKey, maxRetries = 4, requestTimeoutMs = 30_000, transferTimeoutMs = 120_000 } = options;
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw invalidOption('apiKey', 'apiKey must be printable ASCII characters without spaces, and not empty');
  }
  if (!Number.isInteger(maxRetries) || maxRetries < 0) {
    throw invalidOption('maxRetries', 'maxRetries must be a whole number, 0 or more');
  }
  checkDuration('requestTimeoutMs', requestTimeoutMs);
  checkDuration('transferTimeoutMs', transferTimeoutMs);
  const endpoint = resolveEndpoint(options.endpoint);
  return { endpoint, apiKey, fetch: resolveFetch(options.fetch), maxRetries, requestTimeoutMs, transferTimeoutMs };
}

/** @throws InvalidInputError unless it is an address, or a path where there is a page that it starts from. */
export function resolveEndpoint(endpoint: string | URL): string {
  const base = (globalThis as { location?: { href: string } }).location?.href;
  const url = URL.canParse(endpoint, base) ? new URL(endpoint, base) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalidOption('endpoint', 'endpoint must be an address that starts with http:// or https://');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw invalidOption(
      'endpoint',
      'endpoint must have no user name, password, query or fragment: pass a key as apiKey',
    );
  }
  return url.href.replace(/\/+$/, '');
}

/** The global one is looked up at each request, and called as the global's own: browsers insist on that. */
function resolveFetch(custom: typeof fetch | undefined): typeof fetch {
  if (custom !== undefined) return (input, init) => custom(input, init);
  if (typeof globalThis.fetch !== 'function') {
    throw invalidOption('fetch', 'This runtime has no global fetch: pass one as the option fetch');
  }
  return (input, init) => globalThis.fetch(input, init);
}

function invalidOption(field: string, message: string): InvalidInputError {
  return new InvalidInputError(message, { code: 'invalid_input', field });
}
