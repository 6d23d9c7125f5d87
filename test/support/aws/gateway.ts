/** What stands before the functions on AWS: an HTTP API with its authorizer, and a Function URL, at one address. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { createApiHandler } from '../../../function/src/api/lambda/api-handler.ts';
import type { createAuthorizer } from '../../../function/src/api/lambda/authorizer-handler.ts';
import type { HttpEvent } from '../../../function/src/api/lambda/http-event.ts';
import type { createStreamHandler } from '../../../function/src/api/lambda/stream-handler.ts';
import { type LambdaStreaming, streamResponse } from '../../../function/src/api/lambda/stream-response.ts';

export interface GatewayOptions {
  authorize: ReturnType<typeof createAuthorizer>;
  api: ReturnType<typeof createApiHandler>;
  stream: ReturnType<typeof createStreamHandler>;
  /** What is left of the streaming function's time. */
  remainingMs?: number;
}

export interface Gateway extends AsyncDisposable {
  url: string;
}

let requests = 0;

async function toEvent(request: IncomingMessage): Promise<HttpEvent> {
  const [rawPath = '', rawQueryString = ''] = (request.url ?? '').split('?');
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const body = await buffer(request);
  const { method = 'GET' } = request;
  const requestContext = { requestId: `request-${requests++}`, http: { method } };
  // API Gateway sends bodies of most types in base64.
  return {
    rawPath: decodeURIComponent(rawPath),
    ...{ rawQueryString, headers, requestContext },
    ...(body.length === 0 ? {} : { body: body.toString('base64'), isBase64Encoded: true }),
  };
}

const refuse = (response: ServerResponse, status: number, message: string) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));

async function answerBuffered(event: HttpEvent, response: ServerResponse, { authorize, api }: GatewayOptions) {
  // Without its identity source the authorizer is not asked.
  if (event.headers.authorization === undefined) return refuse(response, 401, 'Unauthorized');
  const { isAuthorized, context } = await authorize({ headers: event.headers });
  if (!isAuthorized) return refuse(response, 403, 'Forbidden');
  const requestContext = { ...event.requestContext, authorizer: { lambda: context ?? null } };
  const { statusCode, headers, body } = await api({ ...event, requestContext });
  response.writeHead(statusCode, headers).end(body);
}

async function answerStreaming(event: HttpEvent, response: ServerResponse, options: GatewayOptions) {
  const answer = await options.stream(event, options.remainingMs ?? 900_000);
  const HttpResponseStream: LambdaStreaming['HttpResponseStream'] = {
    from: (stream, { statusCode, headers }) => {
      response.writeHead(statusCode, headers);
      return stream;
    },
  };
  await streamResponse(answer.response, response, { HttpResponseStream });
  answer.close();
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const server = createServer((request, response) => {
    const answer = async () => {
      const event = await toEvent(request);
      if (event.rawPath === '/trpc/jobs.watch') await answerStreaming(event, response, options);
      else await answerBuffered(event, response, options);
    };
    answer().catch(() => refuse(response, 500, 'Internal Server Error'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
