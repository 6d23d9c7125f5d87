import { type ErrorData, errorDataSchema, type Job, jobSchema } from '@safelight/sdk/contract';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import type { AppRouter } from '../../../function/src/api/router.ts';

/** What the server said in an error. */
class ApiFailure extends Error {
  readonly data: unknown;
  constructor(shape: { message: string; data: { safelight: unknown } }) {
    super(shape.message);
    this.data = shape.data;
  }
}

/** The states in some events; undefined for the end. */
function* statesOf(events: readonly string[]): Generator<Job | undefined, void> {
  for (const event of events) {
    const [, name = 'message'] = /^event: (.*)$/m.exec(event) ?? [];
    const [, data = ''] = /^data: (.*)$/m.exec(event) ?? [];
    if (name === 'serialized-error') throw new ApiFailure(JSON.parse(data));
    if (name === 'return') yield undefined;
    if (name === 'message' && data !== '') yield jobSchema.parse(JSON.parse(data));
  }
}

/** Server-sent events, read with no more than a split: the SDK's own reader is not what is tested here. */
async function* watch(url: string, init: RequestInit): AsyncGenerator<Job, void> {
  const response = await fetch(url, init);
  if (!response.ok) throw new ApiFailure(((await response.json()) as { error: never }).error);
  let text = '';
  for await (const part of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const events = (text + part).split('\n\n');
    text = events.pop() ?? '';
    for (const state of statesOf(events)) {
      if (state === undefined) return;
      yield state;
    }
  }
  throw new Error('The stream broke off');
}

/** A bare tRPC client, so that the API is tested without the SDK's comforts. */
export const createApiClient = (url: string, headers: Record<string, string> = {}) => {
  const { jobs, images, uploads, usage, models, prompts, health } = createTRPCClient<AppRouter>({
    links: [httpLink({ url: `${url}/trpc`, headers })],
  });
  const watchJob = (input: { jobId: string }, init: { signal?: AbortSignal } = {}) =>
    watch(`${url}/trpc/jobs.watch?input=${encodeURIComponent(JSON.stringify(input))}`, { headers, ...init });
  return { jobs, images, uploads, usage, models, prompts, health, watchJob };
};
export type ApiClient = ReturnType<typeof createApiClient>;

/** What the server said about a call that must fail. */
export const failureOf = async (
  call: Promise<unknown> | AsyncGenerator<unknown>,
): Promise<ErrorData & { message: string }> => {
  try {
    if ('next' in call) await call.next();
    else await call;
  } catch (error) {
    if (!(error instanceof TRPCClientError || error instanceof ApiFailure)) throw error;
    const data = error.data as { safelight?: unknown } | undefined;
    return { message: error.message, ...errorDataSchema.parse(data?.safelight) };
  }
  throw new Error('The call was expected to fail');
};
