import { type ErrorData, errorDataSchema } from '@safelight/sdk/contract';

export interface SeenRequest {
  /** Procedure or path. */
  path: string;
  url: string;
  headers: Headers;
  body: unknown;
  signal: AbortSignal | undefined;
}

type Answer = Response | Promise<Response>;
type Responder = (request: SeenRequest, index: number) => Answer;

/** A fetch that answers from a function, and remembers what it was asked. */
export function createFakeFetch(respond: Responder) {
  const requests: SeenRequest[] = [];
  const fakeFetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    init?.signal?.throwIfAborted();
    const url = String(input);
    const request: SeenRequest = {
      path: new URL(url).pathname.replace('/trpc/', ''),
      url,
      headers: new Headers(init?.headers),
      body: typeof init?.body === 'string' ? JSON.parse(init.body) : undefined,
      signal: init?.signal ?? undefined,
    };
    requests.push(request);
    return respond(request, requests.length - 1);
  };
  return { fetch: fakeFetch as typeof fetch, requests };
}

export function success(data: unknown, headers: Record<string, string> = {}): Response {
  return Response.json({ result: { data } }, { headers });
}

export function failure(
  status: number,
  safelight?: Partial<ErrorData>,
  headers: Record<string, string> = {},
  message = 'The server says no',
): Response {
  const data =
    safelight === undefined
      ? {}
      : {
          safelight: errorDataSchema.parse({ requestId: 'req-1', isRetryable: false, code: 'internal', ...safelight }),
        };
  return Response.json(
    { error: { code: -32000, message, data: { httpStatus: status, ...data } } },
    { status, headers },
  );
}

/** A stream of states, as server-sent events; ends well unless told to break off. */
export function stream(states: readonly unknown[], ending: 'return' | 'break' | 'hang' = 'return'): Response {
  const events = ['event: connected\ndata: {}', ...states.map((state) => `data: ${JSON.stringify(state)}`)];
  if (ending === 'return') events.push('event: return\ndata: ');
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const event of events) controller.enqueue(new TextEncoder().encode(`${event}\n\n`));
      if (ending === 'return') controller.close();
    },
    pull(controller) {
      if (ending === 'break') controller.error(new TypeError('terminated'));
      return new Promise(() => undefined);
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

/** Never answers, and like the real one rejects when the request is aborted. */
export function hang(request: SeenRequest): Promise<Response> {
  return new Promise((_, reject) => {
    request.signal?.addEventListener('abort', () => reject(request.signal?.reason));
  });
}
