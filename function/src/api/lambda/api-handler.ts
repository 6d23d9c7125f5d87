import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { FunctionError } from '../../errors.ts';
import type { Logger } from '../../jobs/logger.ts';
import type { ApiServices } from '../api-context.ts';
import type { KeyLimits } from '../keys/api-key.ts';
import type { Quota } from '../quota.ts';
import { MAX_BATCH_SIZE } from '../request-limits.ts';
import { TRPC_ENDPOINT, TRPC_PATH_PREFIX } from '../request-log.ts';
import { appRouter } from '../router.ts';
import { fromAuthorizerContext } from './authorizer-context.ts';
import type { HttpEvent, HttpResult } from './http-event.ts';
import { type Caller, type RequestParts, serveEvent } from './serve-event.ts';

export interface ApiHandlerOptions {
  services: ApiServices;
  quotaOf(owner: string, limits: KeyLimits): Quota;
  logger: Logger;
}

const refuseStreams = ({ pathname }: URL): void => {
  const procedures = pathname.slice(TRPC_PATH_PREFIX.length).split(',');
  if (procedures.includes('jobs.watch'))
    throw new FunctionError('unavailable', 'This address does not stream: ask with jobs.get', { isRetryable: true });
};

/** The API behind an HTTP API, which holds answers back until they are whole: everything but `jobs.watch`. */
export const createApiHandler = ({ services, quotaOf, logger }: ApiHandlerOptions) => {
  const authenticate = async (event: HttpEvent): Promise<Caller> => {
    const { owner, limits } = fromAuthorizerContext(event);
    return { owner, quota: quotaOf(owner, limits) };
  };
  const route = async ({ request, owner, quota, requestId, onError }: RequestParts): Promise<Response> => {
    refuseStreams(new URL(request.url));
    return await fetchRequestHandler({
      endpoint: TRPC_ENDPOINT,
      router: appRouter,
      req: request,
      maxBatchSize: MAX_BATCH_SIZE,
      // Objects are signed for S3: how the caller reached the API does not matter.
      createContext: () => ({ services, owner, quota, requestId, baseUrl: '' }),
      onError,
    });
  };
  return async (event: HttpEvent): Promise<HttpResult> => {
    const { signal } = new AbortController();
    const response = await serveEvent(event, { logger, authenticate, router: appRouter, route, signal });
    const headers = Object.fromEntries(response.headers);
    return { statusCode: response.status, headers, body: await response.text() };
  };
};
