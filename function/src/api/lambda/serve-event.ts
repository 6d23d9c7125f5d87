import type { AnyRouter } from '@trpc/server';
import { FunctionError } from '../../errors.ts';
import type { Logger } from '../../jobs/logger.ts';
import { payloadTooLarge, toErrorShape } from '../error-wire.ts';
import type { Quota } from '../quota.ts';
import { MAX_BODY_BYTES } from '../request-limits.ts';
import { logUnexpected, procedureOf, TRPC_PATH_PREFIX } from '../request-log.ts';
import { bodyBytes, type HttpEvent, toRequest } from './http-event.ts';

/** Who calls, and what they may use. */
export interface Caller {
  owner: string;
  quota: Quota;
}

/** What a request comes with for the router. */
export interface RequestParts extends Caller {
  /** The caller's request. */
  request: Request;
  requestId: string;
  onError(failure: { error: unknown; input: unknown }): void;
}

export interface ServeEventOptions {
  logger: Logger;
  /** @throws FunctionError `unauthorized` */
  authenticate(event: HttpEvent): Promise<Caller>;
  router: AnyRouter;
  /** Lets the router answer. */
  route(parts: RequestParts): Promise<Response>;
  signal: AbortSignal;
}

const toErrorResponse = (error: unknown, requestId: string): Response => {
  const shape = toErrorShape(error, requestId);
  const { httpStatus, safelight } = shape.data;
  const headers = new Headers({ 'content-type': 'application/json' });
  if (safelight.retryAfterSeconds !== undefined) headers.set('retry-after', String(safelight.retryAfterSeconds));
  if (httpStatus === 401) headers.set('www-authenticate', 'Bearer');
  return new Response(JSON.stringify({ error: shape }), { status: httpStatus, headers });
};

const answer = async (event: HttpEvent, options: ServeEventOptions): Promise<Response> => {
  const { logger, signal } = options;
  const { requestId } = event.requestContext;
  const caller = await options.authenticate(event);
  if (bodyBytes(event) > MAX_BODY_BYTES) throw payloadTooLarge();
  if (!event.rawPath.startsWith(TRPC_PATH_PREFIX))
    throw new FunctionError('not_found', 'There is nothing at this path: the API is at /trpc/');
  await caller.quota.countRequest();
  return await options.route({
    ...caller,
    requestId,
    request: toRequest(event, signal),
    onError: ({ error, input }) => logUnexpected(logger, requestId, error, input),
  });
};

/** Answers one request, whatever comes. */
export const serveEvent = async (event: HttpEvent, options: ServeEventOptions): Promise<Response> => {
  const { logger } = options;
  const { requestId, http } = event.requestContext;
  const startedAt = performance.now();
  const response = await answer(event, options).catch((error: unknown) => {
    logUnexpected(logger, requestId, error);
    return toErrorResponse(error, requestId);
  });
  response.headers.set('x-request-id', requestId);
  // Answers hold prompts and signed URLs, and a job that is polled changes.
  response.headers.set('cache-control', 'no-store');
  const durationMs = Math.round(performance.now() - startedAt);
  const route = procedureOf(options.router, event.rawPath);
  logger('info', 'request', { requestId, method: http.method, route, status: response.status, durationMs });
  return response;
};
