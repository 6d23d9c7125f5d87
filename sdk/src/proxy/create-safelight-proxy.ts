import { type ErrorCode, submitInputSchema } from '../contract/index.ts';
import { resolveEndpoint } from '../options.ts';

/** What a page may do with its own jobs. */
const DEFAULT_PROCEDURES = [
  'jobs.submit',
  'jobs.get',
  'jobs.watch',
  'jobs.cancel',
  'jobs.estimate',
  'images.sign',
  'models.list',
  'models.get',
];

/** A prompt and a negative prompt of full length need some 80 kB at most. */
const MAX_BODY_LENGTH = 256 * 1024;

/** Options of `createSafelightProxy`. */
export interface SafelightProxyOptions {
  /** Address of the server, as for `createSafelight`. */
  endpoint: string | URL;
  /** Stays here: no page gets to see it. */
  apiKey: string;
  /**
   * Who may draw at your cost: look at the session, count calls. `false` is answered with `forbidden`; a `Response` is
   * sent as it is.
   */
  authorize: (request: Request) => boolean | Response | Promise<boolean | Response>;
  /**
   * Procedures to let through. A job's id is all that is needed to read or cancel it; `jobs.list` and `usage.get` would
   * show every visitor the jobs of all. @defaultValue submit, get, watch, cancel, estimate, images.sign and models
   */
  procedures?: readonly string[] | undefined;
  /** Other web origins whose pages may call, such as `https://app.example`. @defaultValue none: the same origin only */
  allowedOrigins?: readonly string[] | undefined;
  /** @defaultValue the global `fetch` */
  fetch?: typeof fetch | undefined;
}

/** Handles one request, as Next.js route handlers, Hono, Deno, Bun and edge runtimes do. */
export type ProxyHandler = (request: Request) => Promise<Response>;

/**
 * Stands between browsers and a Safelight server, so that the API key stays on yours. Mount it under any path, and give
 * that path to `createSafelight` as its endpoint.
 *
 * It passes on the listed procedures only, with their input and nothing else of the request; it refuses webhooks, which are
 * not for visitors to choose, and pages of other origins.
 *
 * @throws InvalidInputError for an endpoint that is none.
 * @example
 * // app/api/safelight/[...path]/route.ts (Next.js)
 * const handler = createSafelightProxy({ endpoint, apiKey, authorize: async () => (await getSession()) !== null });
 * export { handler as GET, handler as POST };
 */
export function createSafelightProxy(options: SafelightProxyOptions): ProxyHandler {
  const { apiKey, authorize, allowedOrigins = [], procedures = DEFAULT_PROCEDURES, fetch = globalThis.fetch } = options;
  const endpoint = resolveEndpoint(options.endpoint);

  const refusalOf = async (request: Request, procedure: string): Promise<Response | undefined> => {
    if (!isAllowedOrigin(request, allowedOrigins))
      return refuse(403, 'forbidden', 'Pages of other origins may not call');
    if (!procedures.includes(procedure)) return refuse(404, 'not_found', 'There is no such procedure here');
    const isAuthorized = await authorize(request);
    if (isAuthorized instanceof Response) return isAuthorized;
    return isAuthorized ? undefined : refuse(403, 'forbidden', 'You are not allowed to do this');
  };

  return async (request) => {
    const url = new URL(request.url);
    const procedure = url.pathname.slice(url.pathname.lastIndexOf('/trpc/') + '/trpc/'.length);
    const refusal = await refusalOf(request, procedure);
    if (refusal !== undefined) return refusal;
    const forwarded = request.method === 'POST' ? await readPost(request, procedure) : readGet(request, url);
    if (forwarded instanceof Response) return forwarded;

    const { search, ...init } = forwarded;
    const headers = { ...init.headers, authorization: `Bearer ${apiKey}` };
    try {
      const target = `${endpoint}/trpc/${procedure}${search}`;
      return passOn(await fetch(target, { ...init, headers, redirect: 'manual', signal: request.signal }));
    } catch {
      return refuse(502, 'unavailable', 'The Safelight server cannot be reached', true);
    }
  };
}

type Forwarded = { method: string; search: string; headers: Record<string, string>; body?: string };

function readGet(request: Request, url: URL): Forwarded | Response {
  if (request.method !== 'GET') return refuse(405, 'invalid_input', 'Queries are GET, mutations POST');
  const input = url.searchParams.get('input');
  return { method: 'GET', search: input === null ? '' : `?input=${encodeURIComponent(input)}`, headers: {} };
}

async function readPost(request: Request, procedure: string): Promise<Forwarded | Response> {
  // Browsers send this type to other origins only after asking: no form can post here.
  if (request.headers.get('content-type')?.split(';')[0] !== 'application/json') {
    return refuse(415, 'invalid_input', 'Send JSON, with content-type: application/json');
  }
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_LENGTH) return tooLarge();
  const body = await request.text();
  if (body.length > MAX_BODY_LENGTH) return tooLarge();
  if (procedure === 'jobs.submit') {
    const input = submitInputSchema.safeParse(parseJson(body)).data;
    if (input === undefined) return refuse(400, 'invalid_input', 'The input is not what the contract says');
    if (input.webhook !== undefined) return refuse(403, 'forbidden', 'webhook cannot be chosen here');
  }
  return { method: 'POST', search: '', headers: { 'content-type': 'application/json' }, body };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Requests without an origin come from no page of another site: browsers send it with all but plain links and images. */
function isAllowedOrigin(request: Request, allowedOrigins: readonly string[]): boolean {
  const origin = request.headers.get('origin');
  if (origin === null) return request.headers.get('sec-fetch-site') !== 'cross-site';
  const host = request.headers.get('host') ?? new URL(request.url).host;
  return allowedOrigins.includes(origin) || (URL.canParse(origin) && new URL(origin).host === host);
}

/** The answer with what the client reads of it, streams as they come. */
function passOn(response: Response): Response {
  const headers = new Headers({ 'cache-control': 'no-store' });
  for (const name of ['content-type', 'x-request-id', 'retry-after', 'date']) {
    const value = response.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  // nginx would hold a stream back.
  if (headers.get('content-type')?.startsWith('text/event-stream') === true) headers.set('x-accel-buffering', 'no');
  return new Response(response.body, { status: response.type === 'opaqueredirect' ? 502 : response.status, headers });
}

const tooLarge = () => refuse(413, 'payload_too_large', 'The request is too large: shorten it');

/** An error in the form that the client understands. */
function refuse(status: number, code: ErrorCode, message: string, isRetryable = false): Response {
  const safelight = { code, isRetryable, requestId: 'proxy' };
  const error = { message, data: { httpStatus: status, safelight } };
  return Response.json({ error }, { status, headers: { 'cache-control': 'no-store' } });
}
