/**
 * The contract between a Safelight server and its clients: every shape that crosses the wire, as zod schemas.
 *
 * Built on `zod/mini` because the client ships these schemas to browsers: 13.6 kB gzipped where `zod` is 33 kB.
 * The mini build carries no message catalogue, so each check says here what is wrong and what to do.
 */
import * as z from 'zod/mini';

/** The largest seed: seeds are unsigned 32-bit integers. */
export const MAX_SEED = 0xffff_ffff;
/** Image sizes are whole latent cells: the autoencoder works on blocks of 8 by 8 pixels. */
export const SIZE_STEP = 8;

const integer = (name: string, minimum: number, maximum: number) => {
  const error = `${name} must be a whole number from ${minimum} to ${maximum}`;
  return z.number(error).check(z.int(error), z.minimum(minimum, error), z.maximum(maximum, error));
};

const size = (name: string) =>
  integer(name, 64, 2048).check(z.multipleOf(SIZE_STEP, `${name} must be a multiple of ${SIZE_STEP}`));

const text = (name: string) =>
  z.string(`${name} must be a text`).check(
    z.maxLength(10_000, `${name} is longer than 10,000 characters: shorten it`),
    z.refine((value) => !value.includes('\0'), `${name} contains a null byte: remove it`),
  );

/** Samplers by name. The name in other tools: DDIM, PLMS, Euler, Euler a, DPM++ 2M. */
export const samplerSchema = z.enum(
  ['ddim', 'plms', 'euler', 'euler_a', 'dpmpp_2m'],
  'sampler must be one of ddim, plms, euler, euler_a, dpmpp_2m',
);
export type SamplerName = z.infer<typeof samplerSchema>;

/** How noise levels are spread over the steps. DDIM and PLMS know `ddim_uniform` only; the others `normal` and `karras`. */
export const scheduleSchema = z.enum(
  ['ddim_uniform', 'normal', 'karras'],
  'schedule must be one of ddim_uniform, normal, karras',
);
export type ScheduleName = z.infer<typeof scheduleSchema>;

export const imageFormatSchema = z.enum(['png', 'jpeg', 'webp'], 'format must be one of png, jpeg, webp');
export type ImageFormat = z.infer<typeof imageFormatSchema>;

/** Which of PyTorch's random generators the seed drives. `cuda` is what CompVis' scripts and AUTOMATIC1111 draw with. */
export const rngSchema = z.enum(['cuda', 'cpu'], 'rng must be cuda or cpu');
export type RngName = z.infer<typeof rngSchema>;

export const modelNameSchema = z
  .string('model must be a name')
  .check(
    z.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'model must be a name of lower-case letters, digits, ".", "_" and "-"'),
  );

export const jobIdSchema = z
  .string('jobId must be a text')
  .check(z.regex(/^[a-z0-9]{20,40}$/, 'jobId is not a job id: pass the id that submit returned'));

export const idempotencyKeySchema = z
  .string('idempotencyKey must be a text')
  .check(z.regex(/^[\x21-\x7e]{8,128}$/, 'idempotencyKey must be 8 to 128 printable ASCII characters without spaces'));

/** Names the fields that do not belong, so that a typing error is seen rather than ignored. */
const unknownFields = {
  error: (issue: z.core.$ZodRawIssue) =>
    issue.code === 'unrecognized_keys' ? `unknown field: ${issue.keys.join(', ')}` : 'must be an object',
};

/** What to draw. Everything but the prompt has a default, most of them the model's own. */
export const generateInputSchema = z.strictObject(
  {
    /** What the picture shows. */
    prompt: text('prompt').check(z.refine((value) => value.trim() !== '', 'prompt is empty: say what to draw')),
    /** What the picture should not show. */
    negativePrompt: z._default(text('negativePrompt'), ''),
    /** Name of a model that the server has; absent, the server's default. */
    model: z.optional(modelNameSchema),
    /** Pixels, a multiple of 8; absent, the size the model was trained at. */
    width: z.optional(size('width')),
    /** Pixels, a multiple of 8; absent, the size the model was trained at. */
    height: z.optional(size('height')),
    /** Denoising steps; absent, the model's default. DDIM and PLMS may run more, where 1000 is not divisible, as the original does. */
    steps: z.optional(integer('steps', 1, 1000)),
    /** Classifier-free guidance; 1 switches it off. Absent, the model's default. */
    guidanceScale: z.optional(
      z
        .number('guidanceScale must be a number from 0 to 100')
        .check(
          z.minimum(0, 'guidanceScale must be a number from 0 to 100'),
          z.maximum(100, 'guidanceScale must be a number from 0 to 100'),
        ),
    ),
    sampler: z.optional(samplerSchema),
    /** Absent, the sampler's customary one. */
    schedule: z.optional(scheduleSchema),
    /** Fresh noise per step: 0 is none, 1 is ancestral sampling. Absent, the sampler's own: 0 for DDIM, 1 for Euler a. */
    eta: z.optional(
      z
        .number('eta must be a number from 0 to 1')
        .check(z.minimum(0, 'eta must be a number from 0 to 1'), z.maximum(1, 'eta must be a number from 0 to 1')),
    ),
    /** Absent, the server chooses one and returns it. Image i uses seed + i. */
    seed: z.optional(integer('seed', 0, MAX_SEED)),
    rng: z._default(rngSchema, 'cuda'),
    /** How many images. */
    count: z._default(integer('count', 1, 16), 1),
    format: z._default(imageFormatSchema, 'png'),
  },
  unknownFields,
);
/** What a caller passes. */
export type GenerateInput = z.input<typeof generateInputSchema>;
/** The same with the contract's defaults filled in; the model's are still open. */
export type ParsedGenerateInput = z.output<typeof generateInputSchema>;

/** Every choice made: what a job really runs with. Passing it to `generate` again gives the same pictures. */
export const generateSettingsSchema = z.object({
  prompt: z.string(),
  negativePrompt: z.string(),
  model: modelNameSchema,
  width: size('width'),
  height: size('height'),
  steps: integer('steps', 1, 1000),
  guidanceScale: z.number(),
  sampler: samplerSchema,
  schedule: scheduleSchema,
  eta: z.number(),
  seed: integer('seed', 0, MAX_SEED),
  rng: rngSchema,
  count: integer('count', 1, 16),
  format: imageFormatSchema,
});
export type GenerateSettings = z.infer<typeof generateSettingsSchema>;

/** Something the caller should know about a picture that was made all the same. */
export const warningSchema = z.discriminatedUnion('code', [
  z.object({
    /** The prompt has more tokens than the text encoder reads; `ignoredText` was not seen by the model. */
    code: z.literal('prompt_truncated'),
    field: z.enum(['prompt', 'negativePrompt']),
    message: z.string(),
    ignoredText: z.string(),
  }),
  z.object({
    /** The model was not trained on these words, so they do not change the picture as expected. */
    code: z.literal('unknown_words'),
    field: z.enum(['prompt', 'negativePrompt']),
    message: z.string(),
    words: z.array(z.string()),
  }),
]);
export type Warning = z.infer<typeof warningSchema>;

/** What a job is doing right now. `image` counts from 0. */
export const phaseSchema = z.discriminatedUnion('name', [
  z.object({ name: z.literal('queued'), position: z.number() }),
  z.object({ name: z.literal('provisioning') }),
  z.object({ name: z.literal('loading'), loadedBytes: z.number(), totalBytes: z.number() }),
  z.object({ name: z.literal('encoding') }),
  z.object({
    name: z.literal('denoising'),
    image: z.number(),
    count: z.number(),
    step: z.number(),
    steps: z.number(),
  }),
  z.object({ name: z.literal('decoding'), image: z.number(), count: z.number() }),
  z.object({ name: z.literal('uploading') }),
]);
export type Phase = z.infer<typeof phaseSchema>;

/** A finished picture. The URL is signed when the job is read and stops working at `expiresAt`. */
export const jobImageSchema = z.object({
  index: z.number(),
  width: z.number(),
  height: z.number(),
  seed: z.number(),
  format: imageFormatSchema,
  bytes: z.number(),
  sha256: z.string(),
  url: z.string(),
  /** ISO 8601, UTC. */
  expiresAt: z.string(),
});
export type JobImage = z.infer<typeof jobImageSchema>;

/** Where the time went, in milliseconds. */
export const timingsSchema = z.object({
  queueMs: z.number(),
  loadMs: z.number(),
  encodeMs: z.number(),
  denoiseMs: z.number(),
  decodeMs: z.number(),
  uploadMs: z.number(),
});
export type Timings = z.infer<typeof timingsSchema>;

/** Every way a call or a job can fail. */
export const errorCodeSchema = z.enum([
  'invalid_input',
  'unauthorized',
  'forbidden',
  'not_found',
  'model_not_found',
  'conflict',
  'payload_too_large',
  'rate_limited',
  'canceled',
  'storage_full',
  'model_corrupt',
  'out_of_memory',
  'worker_lost',
  'unavailable',
  'internal',
]);
export type ErrorCode = z.infer<typeof errorCodeSchema>;

export const jobErrorSchema = z.object({
  code: errorCodeSchema,
  message: z.string(),
  isRetryable: z.boolean(),
});
export type JobError = z.infer<typeof jobErrorSchema>;

const jobBase = {
  id: jobIdSchema,
  settings: generateSettingsSchema,
  /** ISO 8601, UTC; so are all times. */
  createdAt: z.string(),
  /** How often a worker has taken the job up; more than 1 after a worker was lost. */
  attempt: z.number(),
  warnings: z.array(warningSchema),
};

/** A job in one of its five states. */
export const jobSchema = z.discriminatedUnion('status', [
  z.object({ ...jobBase, status: z.literal('queued'), phase: phaseSchema }),
  z.object({ ...jobBase, status: z.literal('running'), startedAt: z.string(), phase: phaseSchema }),
  z.object({
    ...jobBase,
    status: z.literal('succeeded'),
    startedAt: z.string(),
    finishedAt: z.string(),
    images: z.array(jobImageSchema),
    timings: timingsSchema,
  }),
  z.object({ ...jobBase, status: z.literal('failed'), finishedAt: z.string(), error: jobErrorSchema }),
  z.object({ ...jobBase, status: z.literal('canceled'), finishedAt: z.string() }),
]);
export type Job = z.infer<typeof jobSchema>;
export type JobStatus = Job['status'];
export type SucceededJob = Extract<Job, { status: 'succeeded' }>;

export const submitInputSchema = z.extend(generateInputSchema, { idempotencyKey: idempotencyKeySchema });
export type SubmitInput = z.input<typeof submitInputSchema>;

export const jobRefSchema = z.strictObject({ jobId: jobIdSchema }, unknownFields);

export const listInputSchema = z.strictObject(
  {
    limit: z._default(integer('limit', 1, 100), 20),
    /** `nextCursor` of the page before. */
    cursor: z.optional(z.string('cursor must be the nextCursor of the page before').check(z.maxLength(200))),
  },
  unknownFields,
);

/** Newest first. */
export const jobPageSchema = z.object({ jobs: z.array(jobSchema), nextCursor: z.optional(z.string()) });
export type JobPage = z.infer<typeof jobPageSchema>;

export const signInputSchema = z.strictObject({ jobId: jobIdSchema, index: integer('index', 0, 15) }, unknownFields);

export const signedUrlSchema = z.object({ url: z.string(), expiresAt: z.string() });
export type SignedUrl = z.infer<typeof signedUrlSchema>;

export const modelInfoSchema = z.object({
  name: modelNameSchema,
  version: z.string(),
  description: z.string(),
  license: z.object({ name: z.string(), url: z.string(), useRestrictions: z.string() }),
  limits: z.object({ minSize: z.number(), maxSize: z.number() }),
  defaults: z.object({
    width: z.number(),
    height: z.number(),
    steps: z.number(),
    guidanceScale: z.number(),
    sampler: samplerSchema,
  }),
  /** What the model can draw, where that is a closed list; absent for models of open vocabulary. */
  concepts: z.optional(z.array(z.string())),
});
export type ModelInfo = z.infer<typeof modelInfoSchema>;

export const modelRefSchema = z.strictObject({ model: modelNameSchema }, unknownFields);

export const healthSchema = z.object({
  status: z.literal('ok'),
  version: z.string(),
  defaultModel: modelNameSchema,
  queued: z.number(),
  running: z.number(),
});
export type Health = z.infer<typeof healthSchema>;

/** What the server adds to every error answer (`error.data.safelight`). */
export const errorDataSchema = z.object({
  code: errorCodeSchema,
  isRetryable: z.boolean(),
  requestId: z.string(),
  /** The input field at fault, where there is one. */
  field: z.optional(z.string()),
  retryAfterSeconds: z.optional(z.number()),
});
export type ErrorData = z.infer<typeof errorDataSchema>;
