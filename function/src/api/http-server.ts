import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import { FunctionError } from '../errors.ts';
import type { Logger } from '../jobs/logger.ts';
import type { LocalObjectStore } from '../storage/local/local-object-store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ApiContext, ApiServices } from './api-context.ts';
import { createAuthenticate, refuseOpenServer } from './auth.ts';
import { createCompat } from './compat/serve-compat.ts';
import { createDocs } from './docs-route.ts';
import { payloadTooLarge, toErrorShape } from './error-wire.ts';
import { type ListeningServer, listen } from './listen.ts';
import { OBJECT_PATH_PREFIX, serveObject } from './object-route.ts';
import { createOperations } from './operations/operations-route.ts';
import { createPlayground } from './playground-route.ts';
import { createRequestGuard } from './request-guard.ts';
import { MAX_BATCH_SIZE, MAX_BODY_BYTES } from './request-limits.ts';
import { logUnexpected, procedureOf, TRPC_PATH_PREFIX } from './request-log.ts';
import { appRouter } from './router.ts';

export interface HttpServerOptions {
  services: ApiServices;
  objects: LocalObjectStore;
  host: string;
  /** 0 picks a free one. */
  port: number;
  apiKeys: readonly string[];
  corsOrigins: readonly string[];
  /** How callers reach the server, where it differs from what they say in the Host header, as behind a TLS proxy. */
  publicUrl?: string | undefined;
  /** The built playground. @defaultValue where `npm run playground` builds it */
  playgroundDir?: string | undefined;
  metrics: Metrics;
  now: () => number;
  logger: Logger;
}

/** A request on its way. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  requestId: string;
  url: URL;
}

const sendError = ({ response, requestId }: Pick<Exchange, 'response' | 'requestId'>, error: unknown): void => {
  if (response.headersSent) return void response.destroy();
  const shape = toErrorShape(error, requestId);
  const { httpStatus, safelight } = shape.data;
  if (safelight.retryAfterSeconds !== undefined) response.setHeader('retry-after', safelight.retryAfterSeconds);
  if (httpStatus === 401) response.setHeader('www-authenticate', 'Bearer');
  response.setHeader('content-type', 'application/json').setHeader('cache-control', 'no-store');
  response.writeHead(httpStatus).end(JSON.stringify({ error: shape }));
};

/**
 * Serves the API at `/trpc/`, the compatible APIs at `/v1/` and `/sdapi/`, the objects at `/objects/`, the
 * playground at `/`, at `/docs` what the API is, and at `/status` and `/metrics` how the server is doing.
 * @throws FunctionError `invalid_input` for a host that others can reach, without API keys; `unavailable` for a port in use.
 */
export const createHttpServer = async (options: HttpServerOptions): Promise<ListeningServer> => {
  const { services, objects, host, apiKeys, corsOrigins, publicUrl, logger } = options;
  refuseOpenServer(host, apiKeys);
  const authenticate = createAuthenticate(apiKeys);
  const playground = createPlayground(options);
  const docs = createDocs({ version: services.version, publicUrl });
  const operations = createOperations({ ...options, authenticate });
  const compat = createCompat({ authenticate, logger });
  const guard = createRequestGuard({ hasApiKeys: apiKeys.length > 0, corsOrigins });
  const baseUrlOf = (url: URL): string => publicUrl?.replace(/\/+$/, '') ?? url.origin;

  const routeOf = (pathname: string): string => {
    if (playground.has(pathname)) return 'playground';
    if (docs.has(pathname)) return 'docs';
    if (operations.has(pathname)) return 'operations';
    if (pathname.startsWith(OBJECT_PATH_PREFIX)) return 'objects';
    return compat.routeOf(pathname) ?? procedureOf(appRouter, pathname);
  };

  const serveTrpc = async ({ request, response, requestId, url }: Exchange): Promise<void> => {
    const owner = authenticate(request.headers.authorization);
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw payloadTooLarge();
    // Answers hold prompts and signed URLs, and a job that is polled changes.
    response.setHeader('cache-control', 'no-store');
    const context: ApiContext = { services, owner, requestId, baseUrl: baseUrlOf(url) };
    await nodeHTTPRequestHandler({
      router: appRouter,
      req: request,
      res: response,
      path: url.pathname.slice(TRPC_PATH_PREFIX.length),
      maxBodySize: MAX_BODY_BYTES,
      maxBatchSize: MAX_BATCH_SIZE,
      createContext: () => context,
      onError: ({ error, input }) => logUnexpected(logger, requestId, error, input),
    });
  };

  const route = async (exchange: Exchange): Promise<void> => {
    const { request, response, requestId, url } = exchange;
    if (guard.answerPreflight(request, response)) return;
    guard.check(request);
    if (url.pathname.startsWith(TRPC_PATH_PREFIX)) return await serveTrpc(exchange);
    if (url.pathname.startsWith(OBJECT_PATH_PREFIX)) return await serveObject(request, response, { objects, url });
    if (docs.has(url.pathname)) return docs.serve(request, response, url.pathname);
    if (operations.has(url.pathname)) return await operations.serve(request, response, url.pathname);
    const api = compat.find(url.pathname);
    if (api !== undefined)
      return await compat.serve(api, { request, response, requestId, services, baseUrl: baseUrlOf(url) });
    await playground.serve(request, response, url.pathname);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = randomUUID();
    const startedAt = performance.now();
    response.setHeader('x-request-id', requestId);
    response.once('close', () => {
      const { method, url = '' } = request;
      const pathname = url.split('?')[0] ?? '';
      const durationMs = Math.round(performance.now() - startedAt);
      const status = response.headersSent ? response.statusCode : 499;
      logger('info', 'request', {
        requestId,
        method,
        route: routeOf(pathname),
        status,
        durationMs,
      });
    });
    try {
      const base = `http://${request.headers.host ?? 'localhost'}`;
      if (!URL.canParse(request.url ?? '', base)) throw new FunctionError('invalid_input', 'The URL is not valid');
      await route({ request, response, requestId, url: new URL(request.url ?? '', base) });
    } catch (error) {
      // A reader who left is no error of ours.
      if (!response.destroyed) logUnexpected(logger, requestId, error);
      // An answer before the request has arrived whole: read the rest away, so that the answer gets through.
      request.resume();
      sendError({ response, requestId }, error);
    }
  };

  const server = createServer((request, response) => void handle(request, response));
  return await listen(server, options);
};
