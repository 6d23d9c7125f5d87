import { createTRPCUntypedClient, httpBatchStreamLink, httpLink, TRPCClientError } from '@trpc/client';
import * as z from 'zod/mini';
import { ConnectionError } from '../errors/connection-error.ts';
import { errorFromServer } from '../errors/from-server.ts';
import { InvalidResponseError } from '../errors/invalid-response-error.ts';
import { SafelightError } from '../errors/safelight-error.ts';
import { TimeoutError } from '../errors/timeout-error.ts';
import { withoutSecrets } from '../errors/without-secrets.ts';
import type { Clock } from '../timing/clock.ts';
import { raceAbort } from '../timing/race-abort.ts';
import { openScope } from '../timing/scope.ts';
import {
  errorShapeSchema,
  type RequestDetails,
  readErrorResponse,
  receivedErrorDataSchema,
} from './read-error-response.ts';

export interface TransportOptions {
  /** Without a slash at the end. */
  endpoint: string;
  apiKey: string | undefined;
  fetch: typeof fetch;
  requestTimeoutMs: number;
  clock: Clock;
}

/** A procedure, its input as already validated, and what its answer must look like. */
export interface ProcedureCall<Output> extends RequestDetails {
  type: 'query' | 'mutation';
  input?: unknown;
  output: z.ZodMiniType<Output>;
}

/** One request, one answer: no retries here. Everything it throws is a `SafelightError` or the signal's reason. */
export interface Transport {
  call<Output>(procedure: ProcedureCall<Output>, signal: AbortSignal): Promise<Output>;
  /** Reads a streamed answer; ends with an error if nothing comes for as long as a request may take. */
  stream<Output>(procedure: ProcedureCall<Output>, signal: AbortSignal): AsyncGenerator<Output, void>;
}

/** What went over the wire, kept beside tRPC, whose errors lose the response where its body is not JSON. */
interface Exchange {
  response?: Response;
}

/** Speaks tRPC to the endpoint and checks every answer against the contract. */
export function createTransport(options: TransportOptions): Transport {
  const { clock, requestTimeoutMs } = options;

  /** A client per request, since its links alone can tie tRPC's fetch to the call that caused it. */
  const open = (procedure: RequestDetails, link: typeof httpLink | typeof httpBatchStreamLink) => {
    const exchange: Exchange = {};
    const client = createTRPCUntypedClient({
      links: [
        link({
          url: `${options.endpoint}/trpc`,
          headers: options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` },
          fetch: (url, init) => exchangeOnce(options, procedure, exchange, String(url), init as RequestInit),
        }),
      ],
    });
    return { client, exchange };
  };

  const timeoutError = (procedure: RequestDetails) => () =>
    new TimeoutError(`No answer to ${procedure.path} within ${requestTimeoutMs} ms`, {
      code: 'request_timeout',
      jobId: procedure.jobId,
    });

  return {
    async call(procedure, signal) {
      const scope = openScope({
        clock,
        parents: [signal],
        timeoutMs: requestTimeoutMs,
        timeoutError: timeoutError(procedure),
      });
      const { client, exchange } = open(procedure, httpLink);
      try {
        const request = client[procedure.type](procedure.path, procedure.input, { signal: scope.signal });
        return checkAnswer(procedure, await raceAbort(request, scope.signal), exchange);
      } catch (error) {
        scope.signal.throwIfAborted();
        throw toSafelightError(error, procedure, exchange);
      } finally {
        scope.close();
      }
    },

    async *stream(procedure, signal) {
      const connection = openScope({ clock, parents: [signal] });
      const { client, exchange } = open(procedure, httpBatchStreamLink);
      const next = async <T>(promise: Promise<T>): Promise<T> => {
        const wait = openScope({
          clock,
          parents: [connection.signal],
          timeoutMs: requestTimeoutMs,
          timeoutError: timeoutError(procedure),
        });
        return raceAbort(promise, wait.signal).finally(() => wait.close());
      };
      try {
        const request = client[procedure.type](procedure.path, procedure.input, { signal: connection.signal });
        const iterator = iteratorOf(await next(request));
        for (let item = await next(iterator.next()); item.done !== true; item = await next(iterator.next())) {
          yield checkAnswer(procedure, item.value, exchange);
        }
      } catch (error) {
        signal.throwIfAborted();
        throw toSafelightError(error, procedure, exchange);
      } finally {
        connection.abort();
      }
    },
  };
}

async function exchangeOnce(
  options: TransportOptions,
  procedure: RequestDetails,
  exchange: Exchange,
  url: string,
  init: RequestInit,
): Promise<Response> {
  let response: Response;
  try {
    // A followed redirect would turn a POST into a GET.
    response = await options.fetch(url, { ...init, redirect: 'manual' });
  } catch (cause) {
    const message = `Could not reach ${new URL(options.endpoint).host} for ${procedure.path}`;
    throw new ConnectionError(message, { jobId: procedure.jobId, cause: withoutSecrets(cause) });
  }
  exchange.response = response;
  if (!response.ok) throw await readErrorResponse(response, procedure, options.clock.now());
  return response;
}

function checkAnswer<Output>(procedure: ProcedureCall<Output>, value: unknown, exchange: Exchange): Output {
  const parsed = z.safeParse(procedure.output, value);
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0]?.path.join('.') ?? '';
  throw invalidResponse(procedure, exchange, place === '' ? '' : ` at "${place}"`);
}

function invalidResponse(procedure: RequestDetails, exchange: Exchange, place: string): InvalidResponseError {
  return new InvalidResponseError(`The answer to ${procedure.path} is not what the contract says${place}`, {
    jobId: procedure.jobId,
    status: exchange.response?.status,
    requestId: requestIdOf(exchange),
  });
}

function iteratorOf(value: unknown): AsyncIterator<unknown> {
  const iterable = value as Partial<AsyncIterable<unknown>> | null | undefined;
  if (typeof iterable?.[Symbol.asyncIterator] !== 'function') throw new SyntaxError('not a stream');
  return (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator]();
}

/** tRPC's own error never goes further, not even as a cause: it carries the whole answer, prompt and URLs included. */
function toSafelightError(error: unknown, procedure: RequestDetails, exchange: Exchange): SafelightError {
  const origin = error instanceof TRPCClientError ? (error.cause ?? error) : error;
  if (SafelightError.isInstance(origin)) return origin;

  const shape = errorShapeSchema.safeParse((error as { shape?: unknown }).shape);
  if (shape.success) {
    return errorFromServer({
      path: procedure.path,
      jobId: procedure.jobId,
      status: shape.data.data.httpStatus ?? 500,
      message: shape.data.message,
      data: receivedErrorDataSchema.safeParse(shape.data.data.safelight).data,
      requestId: requestIdOf(exchange),
    });
  }
  if (isMisunderstanding(origin)) return invalidResponse(procedure, exchange, '');
  const message = `The connection broke before the answer to ${procedure.path} was complete`;
  return new ConnectionError(message, { jobId: procedure.jobId, cause: withoutSecrets(origin) });
}

/** Whether an answer arrived whole and is no tRPC answer. Its text is no part of our error: it may be anything. */
function isMisunderstanding(origin: unknown): boolean {
  return origin instanceof SyntaxError || (origin as Error).message === 'Unable to transform response from server';
}

function requestIdOf(exchange: Exchange): string | undefined {
  return exchange.response?.headers.get('x-request-id') ?? undefined;
}
