import * as z from 'zod/mini';

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
  'quota_exceeded',
  'canceled',
  'storage_full',
  'model_corrupt',
  'out_of_memory',
  'worker_lost',
  'unavailable',
  'internal',
]);
export type ErrorCode = z.infer<typeof errorCodeSchema>;

/** Why a job failed. A code that this version does not know reads as `internal`. */
export const jobErrorSchema = z.object({
  code: z.pipe(
    z.string(),
    z.transform((code) => errorCodeSchema.safeParse(code).data ?? 'internal'),
  ),
  message: z.string(),
  isRetryable: z.boolean(),
});
export type JobError = z.infer<typeof jobErrorSchema>;

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
