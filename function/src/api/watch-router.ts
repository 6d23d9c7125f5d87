import { jobRefSchema } from '@safelight/sdk/contract';
import { initTRPC } from '@trpc/server';
import type { WatchContext } from './api-context.ts';
import { watchJob } from './job-procedures.ts';
import { trpcOptions } from './trpc-options.ts';

const t = initTRPC.context<WatchContext>().create(trpcOptions);

/** `jobs.watch` alone, for where answers can be streamed. */
export const watchRouter = t.router({
  jobs: t.router({
    watch: t.procedure.input(jobRefSchema).subscription(({ ctx, input, signal }) => watchJob(ctx, input.jobId, signal)),
  }),
});
