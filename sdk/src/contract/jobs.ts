import * as z from 'zod/mini';
import { integer, openEnum, timeSchema, unknownFields } from './checks.ts';
import { jobErrorSchema } from './errors.ts';
import { generateInputSchema, generateSettingsSchema, type ImageFormat, type SafetyPolicy } from './generate.ts';
import { phaseSchema } from './phases.ts';
import { jobUsageSchema } from './usage.ts';
import { warningSchema } from './warnings.ts';
import { webhookSchema } from './webhooks.ts';

/** A job by its id, which `jobs.submit` gives. */
export const jobIdSchema = z
  .string('jobId must be a text')
  .check(z.regex(/^[a-z0-9]{20,40}$/, 'jobId is not a job id: pass the id that submit returned'));

/** Names a piece of work: the server makes one job of all submissions with the same key. */
export const idempotencyKeySchema = z
  .string('idempotencyKey must be a text')
  .check(z.regex(/^[\x21-\x7e]{8,128}$/, 'idempotencyKey must be 8 to 128 printable ASCII characters without spaces'));

/** What the model's safety checker says of a picture. */
export const safetySchema = z.object({
  /** Whether any of the concept scores is above 0. */
  isFlagged: z.boolean(),
  /** What was done with the picture, if it was flagged. */
  policy: openEnum<SafetyPolicy>(),
  /** How much closer than allowed the picture comes to each concept, in cosine similarity; there are no names for them. */
  conceptScores: z.array(z.number()),
  /** The same for concepts that make the checker stricter about the others. */
  specialCareScores: z.array(z.number()),
});
export type Safety = z.infer<typeof safetySchema>;

/** A finished picture. The URL is signed when the job is read and stops working at `expiresAt`. */
export const jobImageSchema = z.object({
  index: z.number(),
  width: z.number(),
  height: z.number(),
  seed: z.number(),
  format: openEnum<ImageFormat>(),
  bytes: z.number(),
  sha256: z.string(),
  /** Absent where the model has no safety checker: nothing was checked. */
  safety: z.optional(safetySchema),
  url: z.string(),
  expiresAt: timeSchema,
});
export type JobImage = z.infer<typeof jobImageSchema>;

/** Where the time went, in milliseconds. */
export const timingsSchema = z.object({
  queueMs: z.number(),
  /** The worker's start, where the job had to wait for one. */
  bootMs: z.optional(z.number()),
  /** Fetching the model's files, where they were not there yet. */
  downloadMs: z.optional(z.number()),
  loadMs: z.number(),
  encodeMs: z.number(),
  denoiseMs: z.number(),
  decodeMs: z.number(),
  uploadMs: z.number(),
});
export type Timings = z.infer<typeof timingsSchema>;

const jobBase = {
  id: jobIdSchema,
  /** Grows with every change of the job: of two states, the one with the higher revision is the later. */
  revision: z.number(),
  settings: generateSettingsSchema,
  createdAt: timeSchema,
  /** How often a worker has taken the job up; more than 1 after a worker was lost. */
  attempt: z.number(),
  warnings: z.array(warningSchema),
};

/** A job in one of its five states. */
export const jobSchema = z.discriminatedUnion('status', [
  z.object({ ...jobBase, status: z.literal('queued'), phase: phaseSchema }),
  z.object({ ...jobBase, status: z.literal('running'), startedAt: timeSchema, phase: phaseSchema }),
  z.object({
    ...jobBase,
    status: z.literal('succeeded'),
    startedAt: timeSchema,
    finishedAt: timeSchema,
    images: z.array(jobImageSchema),
    timings: timingsSchema,
    usage: jobUsageSchema,
  }),
  z.object({ ...jobBase, status: z.literal('failed'), finishedAt: timeSchema, error: jobErrorSchema }),
  z.object({ ...jobBase, status: z.literal('canceled'), finishedAt: timeSchema }),
]);
export type Job = z.infer<typeof jobSchema>;
/** The five states of a job: `queued`, `running`, and the final `succeeded`, `failed` and `canceled`. */
export type JobStatus = Job['status'];
/** A job whose pictures are there. */
export type SucceededJob = Extract<Job, { status: 'succeeded' }>;

/** Input of `jobs.submit`. */
export const submitInputSchema = z.extend(generateInputSchema, {
  idempotencyKey: idempotencyKeySchema,
  webhook: z.optional(webhookSchema),
});
export type SubmitInput = z.input<typeof submitInputSchema>;
/** The same with the contract's defaults filled in. */
export type ParsedSubmitInput = z.output<typeof submitInputSchema>;

/** Input of `jobs.get`, `jobs.watch` and `jobs.cancel`. */
export const jobRefSchema = z.strictObject({ jobId: jobIdSchema }, unknownFields);

/** Input of `jobs.list`. */
export const listInputSchema = z.strictObject(
  {
    limit: z._default(integer('limit', 1, 100), 20),
    /** `nextCursor` of the page before. */
    cursor: z.optional(z.string('cursor must be the nextCursor of the page before').check(z.maxLength(200))),
  },
  unknownFields,
);

/** A page of jobs, newest first. */
export const jobPageSchema = z.object({ jobs: z.array(jobSchema), nextCursor: z.optional(z.string()) });
export type JobPage = z.infer<typeof jobPageSchema>;
