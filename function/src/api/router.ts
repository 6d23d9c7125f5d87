import {
  estimateInputSchema,
  estimateSchema,
  healthSchema,
  jobPageSchema,
  jobRefSchema,
  jobSchema,
  listInputSchema,
  modelInfoSchema,
  modelRefSchema,
  promptReadingSchema,
  readPromptInputSchema,
  signedUrlSchema,
  signInputSchema,
  submitInputSchema,
  uploadInputSchema,
  uploadTicketSchema,
  usageInputSchema,
  usageSchema,
} from '@safelight/sdk/contract';
import { initTRPC } from '@trpc/server';
import * as z from 'zod/mini';
import { describePrompt } from '../describe-prompt.ts';
import { FunctionError } from '../errors.ts';
import type { ApiContext } from './api-context.ts';
import { cancelJob, estimateJob, getJob, listJobs, signJobImage, submitJob, watchJob } from './job-procedures.ts';
import { trpcOptions } from './trpc-options.ts';
import { createUpload } from './upload-procedures.ts';

const t = initTRPC.context<ApiContext>().create(trpcOptions);

const jobs = t.router({
  submit: t.procedure
    .input(submitInputSchema)
    .output(jobSchema)
    .mutation(({ ctx, input }) => submitJob(ctx, input)),
  get: t.procedure
    .input(jobRefSchema)
    .output(jobSchema)
    .query(({ ctx, input }) => getJob(ctx, input.jobId)),
  watch: t.procedure.input(jobRefSchema).subscription(({ ctx, input, signal }) => watchJob(ctx, input.jobId, signal)),
  cancel: t.procedure
    .input(jobRefSchema)
    .output(jobSchema)
    .mutation(({ ctx, input }) => cancelJob(ctx, input.jobId)),
  list: t.procedure
    .input(listInputSchema)
    .output(jobPageSchema)
    .query(({ ctx, input }) => listJobs(ctx, input)),
  estimate: t.procedure
    .input(estimateInputSchema)
    .output(estimateSchema)
    .query(({ ctx, input }) => estimateJob(ctx, input)),
});

const uploads = t.router({
  create: t.procedure
    .input(uploadInputSchema)
    .output(uploadTicketSchema)
    .mutation(({ ctx, input }) => createUpload(ctx, input)),
});

const usage = t.router({
  get: t.procedure
    .input(usageInputSchema)
    .output(usageSchema)
    .query(async ({ ctx, input }) => ({ entries: await ctx.services.store.usage({ owner: ctx.owner, ...input }) })),
});

const images = t.router({
  sign: t.procedure
    .input(signInputSchema)
    .output(signedUrlSchema)
    .query(({ ctx, input }) => signJobImage(ctx, input.jobId, input.index)),
});

const models = t.router({
  list: t.procedure.output(z.array(modelInfoSchema)).query(({ ctx }) => [...ctx.services.engine.models()]),
  get: t.procedure
    .input(modelRefSchema)
    .output(modelInfoSchema)
    .query(({ ctx, input }) => {
      const model = ctx.services.engine.models().find(({ name }) => name === input.model);
      if (model === undefined)
        throw new FunctionError(
          'model_not_found',
          'This server does not have that model: models.list says which it has',
          {
            field: 'model',
          },
        );
      return model;
    }),
});

const prompts = t.router({
  read: t.procedure
    .input(readPromptInputSchema)
    .output(promptReadingSchema)
    // Nothing changes, but a prompt may be too long for a URL.
    .mutation(async ({ ctx, input }) => describePrompt(input, await ctx.services.engine.embeddings?.())),
});

/** The API: thin procedures over the contract's schemas. */
export const appRouter = t.router({
  jobs,
  images,
  uploads,
  models,
  usage,
  prompts,
  health: t.procedure.output(healthSchema).query(async ({ ctx }) => {
    const { store, engine, version } = ctx.services;
    return { status: 'ok' as const, version, defaultModel: engine.defaultModel, ...(await store.counts()) };
  }),
});

/** For clients' types, and for proving that the SDK agrees with them. */
export type AppRouter = typeof appRouter;
