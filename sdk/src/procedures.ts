import * as z from 'zod/mini';
import {
  type Health,
  healthSchema,
  type Job,
  type JobPage,
  jobPageSchema,
  jobRefSchema,
  jobSchema,
  listInputSchema,
  type ModelInfo,
  modelInfoSchema,
  modelRefSchema,
  type ParsedSubmitInput,
  type SignedUrl,
  signedUrlSchema,
  signInputSchema,
} from './contract/index.ts';
import { parseInput } from './parse-input.ts';
import type { ProcedureCall } from './transport/transport.ts';

/** Every procedure of the API: its path, its checked input and the shape of its answer. All throw `InvalidInputError`. */
export const procedures = {
  submit: (input: ParsedSubmitInput): ProcedureCall<Job> => ({
    type: 'mutation',
    path: 'jobs.submit',
    input,
    output: jobSchema,
  }),
  getJob: (jobId: string): ProcedureCall<Job> => ({
    type: 'query',
    path: 'jobs.get',
    input: parseInput(jobRefSchema, { jobId }),
    output: jobSchema,
    jobId,
  }),
  watchJob: (jobId: string): ProcedureCall<Job> => ({
    type: 'subscription',
    path: 'jobs.watch',
    input: parseInput(jobRefSchema, { jobId }),
    output: jobSchema,
    jobId,
  }),
  cancelJob: (jobId: string): ProcedureCall<Job> => ({
    type: 'mutation',
    path: 'jobs.cancel',
    input: parseInput(jobRefSchema, { jobId }),
    output: jobSchema,
    jobId,
  }),
  listJobs: (input: z.input<typeof listInputSchema>): ProcedureCall<JobPage> => ({
    type: 'query',
    path: 'jobs.list',
    input: parseInput(listInputSchema, input),
    output: jobPageSchema,
  }),
  signImage: (jobId: string, index: number): ProcedureCall<SignedUrl> => ({
    type: 'query',
    path: 'images.sign',
    input: parseInput(signInputSchema, { jobId, index }),
    output: signedUrlSchema,
    jobId,
  }),
  listModels: (): ProcedureCall<ModelInfo[]> => ({
    type: 'query',
    path: 'models.list',
    output: z.array(modelInfoSchema),
  }),
  getModel: (model: string): ProcedureCall<ModelInfo> => ({
    type: 'query',
    path: 'models.get',
    input: parseInput(modelRefSchema, { model }),
    output: modelInfoSchema,
  }),
  health: (): ProcedureCall<Health> => ({ type: 'query', path: 'health', output: healthSchema }),
};
