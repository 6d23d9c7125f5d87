import type { CallOptions } from './call-options.ts';
import { createConnection } from './connection.ts';
import type { GenerateInput, Grid } from './contract/index.ts';
import { createImages } from './images/images.ts';
import { generate } from './jobs/generate.ts';
import { createJobHandle } from './jobs/job-handle.ts';
import { submitJob } from './jobs/submit-job.ts';
import { resolveOptions, type SafelightOptions } from './options.ts';
import { procedures } from './procedures.ts';
import type { Safelight } from './safelight.ts';
import type { Clock } from './timing/clock.ts';
import type { ProcedureCall } from './transport/transport.ts';
import { upload } from './uploads/upload.ts';

/** `createSafelight` with the clock as a parameter: the seam for tests of time-outs and pauses. */
export function createClient(clientOptions: SafelightOptions, clock: Clock): Safelight {
  const connection = createConnection(resolveOptions(clientOptions), clock);

  // `async`, so that what the input's check throws becomes a rejection.
  const call = async <Output>(makeCall: () => ProcedureCall<Output>, options: CallOptions = {}): Promise<Output> => {
    const procedure = makeCall();
    return connection.run(options, (scope) => connection.request(procedure, scope), { jobId: procedure.jobId });
  };

  return {
    generate: async (input, options) => generate(connection, input, options),
    submit: async (input, { idempotencyKey, webhook, ...options } = {}) => {
      const job = await connection.run(options, (scope) =>
        submitJob(connection, input, { scope, idempotencyKey, webhook }),
      );
      return createJobHandle(connection, job);
    },
    resume: async (jobId, options) => createJobHandle(connection, await call(() => procedures.getJob(jobId), options)),
    get: (jobId, options) => call(() => procedures.getJob(jobId), options),
    cancel: (jobId, options) => call(() => procedures.cancelJob(jobId), options),
    list: (input, options) => call(() => procedures.listJobs(input ?? {}), options),
    models: {
      list: (options) => call(() => procedures.listModels(), options),
      get: (model, options) => call(() => procedures.getModel(model), options),
    },
    prompts: {
      read: (input, options) => call(() => procedures.readPrompt(input), options),
    },
    images: createImages(connection),
    estimate: async (input, options) => {
      const {
        prompt: _prompt,
        negativePrompt: _negativePrompt,
        seed: _seed,
        grid,
        ...rest
      } = input as Partial<GenerateInput>;
      const work =
        grid === undefined
          ? rest
          : { ...rest, grid: { x: withoutPrompts(grid.x), y: grid.y && withoutPrompts(grid.y) } };
      return call(() => procedures.estimate(work), options);
    },
    upload: async (source, options = {}) => connection.run(options, (scope) => upload(connection, source, scope)),
    usage: async (range, options) => (await call(() => procedures.getUsage(range), options)).entries,
    health: (options) => call(() => procedures.health(), options),
  };
}

/** Prompts would stand in the request's URL. */
const withoutPrompts = (axis: Grid['x']) =>
  axis.map(({ prompt: _prompt, negativePrompt: _negativePrompt, ...entry }) => entry);
