import { ConnectionError } from '../errors/connection-error.ts';
import { SafelightError } from '../errors/safelight-error.ts';
import { TimeoutError } from '../errors/timeout-error.ts';
import { withoutSecrets } from '../errors/without-secrets.ts';
import type { Clock } from '../timing/clock.ts';
import { raceAbort } from '../timing/race-abort.ts';
import { openScope, type Scope } from '../timing/scope.ts';
import { readEvents, type ServerEvent } from './event-stream.ts';
import { brokenConnection, checkData, type ExpectedAnswer, parseJson, readAnswer } from './read-answer.ts';
import { errorFromShape, type RequestDetails, readErrorResponse } from './read-error-response.ts';

export interface TransportOptions {
  /** Without a slash at the end. */
  endpoint: string;
  apiKey: string | undefined;
  fetch: typeof fetch;
  requestTimeoutMs: number;
  clock: Clock;
}

/** A procedure, its input as already validated, and what its answer must look like. */
export interface ProcedureCall<Output> extends ExpectedAnswer<Output> {
  /** Queries and subscriptions are read with GET, mutations are sent with POST. */
  type: 'query' | 'mutation' | 'subscription';
  input?: unknown;
}

/** One request, one answer: no retries here. Everything it throws is a `SafelightError` or the signal's reason. */
export interface Transport {
  call<Output>(procedure: ProcedureCall<Output>, signal: AbortSignal): Promise<Output>;
  /** Reads a streamed answer; ends with an error if nothing comes for as long as a request may take. */
  stream<Output>(procedure: ProcedureCall<Output>, signal: AbortSignal): AsyncGenerator<Output, void>;
}

/**
 * Speaks the HTTP form of tRPC (https://trpc.io/docs/rpc) to the endpoint, and checks every answer against the contract.
 * Without tRPC's own client, whose links and observables this client has no use for: they are 8 kB, gzipped.
 */
export function createTransport(options: TransportOptions): Transport {
  const { clock, requestTimeoutMs } = options;

  /** Time for one answer, or for one pause of a stream. */
  const openRequest = (procedure: RequestDetails, parent: AbortSignal): Scope =>
    openScope({
      clock,
      parents: [parent],
      timeoutMs: requestTimeoutMs,
      timeoutError: () =>
        new TimeoutError(`No answer to ${procedure.path} within ${requestTimeoutMs} ms`, {
          code: 'request_timeout',
          jobId: procedure.jobId,
        }),
    });

  return {
    async call(procedure, signal) {
      const scope = openRequest(procedure, signal);
      try {
        const response = await raceAbort(send(options, procedure, scope.signal), scope.signal);
        return readAnswer(procedure, await raceAbort(response.text(), scope.signal), response);
      } catch (error) {
        scope.signal.throwIfAborted();
        throw toSafelightError(error, procedure);
      } finally {
        scope.close();
      }
    },

    async *stream(procedure, signal) {
      const connection = openScope({ clock, parents: [signal] });
      const next = async <T>(promise: Promise<T>): Promise<T> => {
        const pause = openRequest(procedure, connection.signal);
        return raceAbort(promise, pause.signal).finally(() => pause.close());
      };
      try {
        const response = await next(send(options, procedure, connection.signal));
        const reader = response.body?.getReader();
        const read = async () => (reader === undefined ? undefined : (await next(reader.read())).value);
        for await (const event of readEvents(read)) {
          if (event.name === 'return') return;
          const state = readEvent(procedure, event, response, clock.now());
          if (state !== undefined) yield state;
        }
        throw brokenConnection(procedure);
      } catch (error) {
        signal.throwIfAborted();
        throw toSafelightError(error, procedure);
      } finally {
        connection.abort();
      }
    },
  };
}

/** The state in an event; nothing for pings and the like. @throws SafelightError that the server sent or that its data is. */
function readEvent<Output>(
  procedure: ProcedureCall<Output>,
  { name, data }: ServerEvent,
  response: Response,
  nowMs: number,
): Output | undefined {
  if (name === 'message') return checkData(procedure, parseJson(procedure, data, response), response);
  if (name !== 'serialized-error') return undefined;
  throw errorFromShape(procedure, parseJson(procedure, data, response), response, nowMs);
}

/** Sends the request. @throws SafelightError for every answer that is not a success. */
async function send(
  options: TransportOptions,
  procedure: ProcedureCall<unknown>,
  signal: AbortSignal,
): Promise<Response> {
  const { type, path, jobId, input } = procedure;
  const headers: Record<string, string> = {};
  if (options.apiKey !== undefined) headers.authorization = `Bearer ${options.apiKey}`;
  if (type === 'mutation') headers['content-type'] = 'application/json';
  const body = JSON.stringify(input);
  const query = type === 'mutation' || body === undefined ? '' : `?input=${encodeURIComponent(body)}`;
  // A followed redirect would turn a POST into a GET.
  const init: RequestInit = { method: type === 'mutation' ? 'POST' : 'GET', headers, signal, redirect: 'manual' };
  if (type === 'mutation') init.body = body;

  let response: Response;
  try {
    response = await options.fetch(`${options.endpoint}/trpc/${path}${query}`, init);
  } catch (cause) {
    const message = `Could not reach ${new URL(options.endpoint).host} for ${path}`;
    throw new ConnectionError(message, { jobId, cause: withoutSecrets(cause) });
  }
  if (!response.ok) throw await readErrorResponse(response, procedure, options.clock.now());
  return response;
}

/** What is not ours was thrown while the body was read. */
function toSafelightError(error: unknown, procedure: RequestDetails): SafelightError {
  return SafelightError.isInstance(error) ? error : brokenConnection(procedure, error);
}
