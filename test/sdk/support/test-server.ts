import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type ErrorData,
  type Job,
  jobRefSchema,
  jobSchema,
  signedUrlSchema,
  signInputSchema,
  submitInputSchema,
} from '@safelight/sdk/contract';
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { queuedJob, succeededJob } from './jobs.ts';

export interface TestServerOptions {
  submit?: (input: { idempotencyKey: string; prompt: string }) => Job | Promise<Job>;
  get?: () => Job | Promise<Job>;
  watch?: (signal: AbortSignal | undefined) => AsyncGenerator<Job>;
  cancel?: () => Job | Promise<Job>;
  sign?: () => { url: string; expiresAt: string };
  /** Answers outside tRPC; true if it did. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A failure as the real server sends it. */
class Failure extends Error {
  readonly data: ErrorData;

  constructor(data: Partial<ErrorData>) {
    super('The server says no');
    this.data = { code: 'internal', isRetryable: false, requestId: 'req-7', ...data };
  }
}

function createRouter(options: TestServerOptions, calls: string[]) {
  const trpc = initTRPC.create({
    errorFormatter: ({ shape, error }) => {
      const data = error.cause instanceof Failure ? { safelight: error.cause.data } : {};
      return { ...shape, data: { ...shape.data, stack: undefined, ...data } };
    },
  });
  const procedure = trpc.procedure.use(({ next, path }) => {
    calls.push(path);
    return next();
  });
  async function* finishAtOnce(): AsyncGenerator<Job> {
    yield succeededJob();
  }
  return trpc.router({
    jobs: trpc.router({
      submit: procedure
        .input(submitInputSchema)
        .output(jobSchema)
        .mutation(({ input }) => options.submit?.(input) ?? queuedJob()),
      get: procedure
        .input(jobRefSchema)
        .output(jobSchema)
        .query(() => options.get?.() ?? succeededJob()),
      watch: procedure.input(jobRefSchema).subscription(({ signal }) => options.watch?.(signal) ?? finishAtOnce()),
      cancel: procedure
        .input(jobRefSchema)
        .output(jobSchema)
        .mutation(() => options.cancel?.() ?? queuedJob()),
    }),
    images: trpc.router({
      sign: procedure
        .input(signInputSchema)
        .output(signedUrlSchema)
        .query(() => options.sign?.() ?? { url: '/files/0', expiresAt: '2999-01-01T00:00:00.000Z' }),
    }),
  });
}

/** Makes a tRPC error of the given status, with the server's data. */
export function refuse(code: TRPCError['code'], data: Partial<ErrorData>): TRPCError {
  const cause = new Failure(data);
  return new TRPCError({ code, message: cause.message, cause });
}

/** A real HTTP server that speaks the contract. */
export async function startTestServer(options: TestServerOptions = {}) {
  const calls: string[] = [];
  const handler = createHTTPHandler({ router: createRouter(options, calls), basePath: '/trpc/' });
  const server = createServer((request, response) => {
    response.setHeader('x-request-id', 'req-header');
    if (options.intercept?.(request, response) !== true) handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    /** Procedures in the order they were called. */
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
