import { FunctionError } from '../errors.ts';

const HUB_ENDPOINT = 'https://huggingface.co';
const MAX_REDIRECTS = 5;

export interface HubSource {
  /** `owner/name`. */
  repository: string;
  /** Branch, tag or commit. @defaultValue 'main' */
  revision?: string | undefined;
  /** Only ever sent to the hub itself. */
  token?: string | undefined;
  /** @defaultValue the global one */
  fetch?: typeof fetch | undefined;
  /** @defaultValue 'https://huggingface.co' */
  endpoint?: string | undefined;
}

export interface HubRequest {
  /** From the endpoint on, or a whole address. */
  path: string;
  method?: 'GET' | 'HEAD';
  headers?: Record<string, string>;
  /** Redirects off the hub are left to the caller where they are not followed. @defaultValue true */
  shouldLeaveHub?: boolean;
  /** What is being asked for, for messages. */
  what: string;
  signal: AbortSignal;
}

/** @throws FunctionError `invalid_input` when the repository or revision cannot be one. */
export function checkHubSource({ repository, revision = 'main' }: HubSource): void {
  if (!/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(repository)) {
    throw new FunctionError('invalid_input', 'A repository on the hub is written owner/name.', { field: 'repository' });
  }
  if (revision === '' || revision.includes('..')) {
    throw new FunctionError('invalid_input', 'A revision is a branch, a tag or a commit.', { field: 'revision' });
  }
}

/**
 * Asks the hub. Redirects are followed one by one, so that the token goes to the hub only and not to the hosts that
 * serve its files.
 * @throws FunctionError `unauthorized`, `forbidden` (a licence to accept), `not_found`, `unavailable` (retryable).
 */
export async function hubRequest(source: HubSource, request: HubRequest): Promise<Response> {
  const hub = new URL(source.endpoint ?? HUB_ENDPOINT);
  let url = new URL(request.path, hub);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await ask(source, request, url, hub);
    if (response.ok) return response;
    const next = redirectOf(response, url);
    if (next !== undefined && next.origin !== hub.origin && request.shouldLeaveHub === false) return response;
    await response.body?.cancel();
    if (next === undefined) throw refusal(source, request, response);
    // From an encrypted connection never back to an open one.
    if (url.protocol === 'https:' && next.protocol !== 'https:') break;
    url = next;
  }
  throw new FunctionError('unavailable', `The hub sends requests for ${request.what} in circles: try again later.`);
}

async function ask(source: HubSource, request: HubRequest, url: URL, hub: URL): Promise<Response> {
  const { token = '', fetch: send = fetch } = source;
  const authorization = token !== '' && url.origin === hub.origin ? { authorization: `Bearer ${token}` } : {};
  const headers = { ...request.headers, ...authorization };
  const { method = 'GET', signal } = request;
  return send(url, { method, headers, redirect: 'manual', signal }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw unreachable(url.origin === hub.origin ? hub.host : `The server of ${hub.host}'s files`, cause);
  });
}

function redirectOf({ status, headers }: Response, url: URL): URL | undefined {
  const location = headers.get('location');
  return status >= 300 && status < 400 && location !== null ? new URL(location, url) : undefined;
}

/** The addresses of files are signed; errors of `fetch` may quote them. */
function unreachable(host: string, cause: unknown): FunctionError {
  const reason =
    cause instanceof Error && cause.cause instanceof Error && 'code' in cause.cause ? cause.cause.code : '';
  const message = `${host} cannot be reached: check the network, or try again later.`;
  return new FunctionError('unavailable', message, { isRetryable: true, cause: new Error(`fetch failed ${reason}`) });
}

function refusal({ repository, token }: HubSource, { what }: HubRequest, { status, headers }: Response): FunctionError {
  const page = `https://huggingface.co/${repository}`;
  const hasToken = token !== undefined && token !== '';
  const isGated = headers.get('x-error-code') === 'GatedRepo';
  if (isGated || status === 403) {
    const advice = hasToken
      ? `accept the licence at ${page} with the account of your token, and check that the token may read it`
      : `accept the licence at ${page}, make a token at https://huggingface.co/settings/tokens and set HF_TOKEN`;
    return new FunctionError('forbidden', `${repository} asks for consent before a download: ${advice}.`);
  }
  if (status === 401) {
    // So the hub answers for repositories that do not exist, too.
    const problem = hasToken ? 'The hub refuses the token in HF_TOKEN' : `There is no public repository ${repository}`;
    const advice = hasToken
      ? 'make a new one at https://huggingface.co/settings/tokens'
      : 'check its name; a private one needs HF_TOKEN';
    return new FunctionError('unauthorized', `${problem}: ${advice}.`);
  }
  if (status === 404) return new FunctionError('not_found', `The hub has no ${what}: look at ${page}.`);
  const isRetryable = status >= 500 || status === 429 || status === 408;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return new FunctionError('unavailable', `The hub answered ${status} for ${what}: try again later.`, {
    isRetryable,
    ...(seconds >= 0 ? { retryAfterSeconds: seconds } : {}),
  });
}
