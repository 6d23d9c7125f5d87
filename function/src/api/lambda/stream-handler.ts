import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { FunctionError } from '../../errors.ts';
import type { Logger } from '../../jobs/logger.ts';
import type { WatchServices } from '../api-context.ts';
import { bearerKeyOf, type KeyLimits } from '../keys/api-key.ts';
import type { KeyStore } from '../keys/dynamo-key-store.ts';
import type { Quota } from '../quota.ts';
import { MAX_BATCH_SIZE } from '../request-limits.ts';
import { TRPC_ENDPOINT } from '../request-log.ts';
import { watchRouter } from '../watch-router.ts';
import type { HttpEvent } from './http-event.ts';
import { type Caller, type RequestParts, serveEvent } from './serve-event.ts';

export interface StreamHandlerOptions {
  services: Omit<WatchServices, 'closing'>;
  keys: Pick<KeyStore, 'find'>;
  quotaOf(owner: string, limits: KeyLimits): Quota;
  logger: Logger;
}

/** A response whose body is still being written. */
export interface StreamingAnswer {
  response: Response;
  /** The reader left, or has it all. */
  close(): void;
}

/** How long before the function's end a stream is closed: clients open the next one. */
const CLOSE_BEFORE_MS = 5000;

/** `jobs.watch` behind a Function URL, which has no authorizer: keys are checked here. */
export const createStreamHandler = ({ services, keys, quotaOf, logger }: StreamHandlerOptions) => {
  const authenticate = async ({ headers }: HttpEvent): Promise<Caller> => {
    const secret = bearerKeyOf(headers.authorization);
    const key = secret === undefined ? undefined : await keys.find(secret);
    if (key === undefined) throw new FunctionError('unauthorized', 'The API key is missing or not valid');
    return { owner: key.owner, quota: quotaOf(key.owner, key.limits) };
  };
  return async (event: HttpEvent, remainingMs: number): Promise<StreamingAnswer> => {
    const closing = new AbortController();
    const gone = new AbortController();
    const timer = setTimeout(() => closing.abort(), Math.max(0, remainingMs - CLOSE_BEFORE_MS));
    const route = ({ request, owner, requestId, onError }: RequestParts): Promise<Response> =>
      fetchRequestHandler({
        endpoint: TRPC_ENDPOINT,
        router: watchRouter,
        req: request,
        maxBatchSize: MAX_BATCH_SIZE,
        createContext: () => ({
          ...{ owner, requestId, baseUrl: '' },
          services: { ...services, closing: closing.signal },
        }),
        onError,
      });
    const response = await serveEvent(event, { logger, authenticate, router: watchRouter, route, signal: gone.signal });
    const close = () => {
      clearTimeout(timer);
      gone.abort();
    };
    return { response, close };
  };
};
