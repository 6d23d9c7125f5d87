import type { IncomingMessage, ServerResponse } from 'node:http';
import { incomingMessageToRequest } from '@trpc/server/adapters/node-http';
import type { Logger } from '../../jobs/logger.ts';
import type { ApiContext } from '../api-context.ts';
import type { Authenticate } from '../auth.ts';
import { payloadTooLarge } from '../error-wire.ts';
import { MAX_PICTURES_BODY_BYTES } from '../request-limits.ts';
import { logUnexpected } from '../request-log.ts';
import { createA1111Api } from './a1111/api.ts';
import type { CompatApi } from './compat-api.ts';
import { createOpenAiApi } from './openai/api.ts';

/** The compatible APIs of one server. */
export interface Compat {
  /** The API that a path belongs to, if any. */
  find(pathname: string): CompatApi | undefined;
  /** A path as it was declared, for the log; `undefined` where there is none. */
  routeOf(pathname: string): string | undefined;
  /** Answers one request, whatever comes. */
  serve(api: CompatApi, exchange: CompatExchange): Promise<void>;
}

/** A request on its way. */
export interface CompatExchange extends Pick<ApiContext, 'services' | 'requestId' | 'baseUrl'> {
  request: IncomingMessage;
  response: ServerResponse;
}

export interface CompatOptions {
  authenticate: Authenticate;
  logger: Logger;
}

export const createCompat = ({ authenticate, logger }: CompatOptions): Compat => {
  const apis = [createOpenAiApi(), createA1111Api()];
  const find = (pathname: string) => apis.find(({ prefix }) => pathname.startsWith(prefix));

  const answer = async (api: CompatApi, exchange: CompatExchange): Promise<Response> => {
    const { request, response, services, requestId, baseUrl } = exchange;
    const { authorization, 'content-length': contentLength } = request.headers;
    // Before the body is read: strangers do not get to fill the memory.
    const owner = authenticate(api.readAuthorization(authorization));
    if (Number(contentLength ?? 0) > MAX_PICTURES_BODY_BYTES) throw payloadTooLarge(MAX_PICTURES_BODY_BYTES);
    const context: ApiContext = { services, owner, requestId, baseUrl };
    const fetchRequest = incomingMessageToRequest(request, response, { maxBodySize: MAX_PICTURES_BODY_BYTES });
    return await api.app.fetch(fetchRequest, { context });
  };

  return {
    find,
    routeOf: (pathname) => {
      const routes = find(pathname)?.app.routes ?? [];
      const { path } = routes.find((route) => matches(route.path, pathname)) ?? {};
      return path;
    },
    async serve(api, exchange) {
      const { request, response, requestId } = exchange;
      const answered = await answer(api, exchange).catch((error: unknown) => {
        // A reader who left is no error of ours.
        if (!response.destroyed) logUnexpected(logger, requestId, error);
        request.resume();
        return api.toErrorResponse(error);
      });
      await send(answered, response);
    },
  };
};

/** @param path with `:name` for a segment. */
const matches = (path: string, pathname: string): boolean => {
  const segments = path.split('/');
  const given = pathname.split('/');
  return segments.length === given.length && segments.every((name, i) => name.startsWith(':') || name === given[i]);
};

const send = async (answered: Response, response: ServerResponse): Promise<void> => {
  if (response.destroyed) return;
  const body = Buffer.from(await answered.arrayBuffer());
  for (const [name, value] of answered.headers) response.setHeader(name, value);
  // Answers hold prompts, pictures and signed URLs.
  response.setHeader('cache-control', 'no-store').setHeader('content-length', body.length);
  response.writeHead(answered.status).end(body);
};
