import * as z from 'zod/mini';
import { integer, unknownFields } from './checks.ts';
import { jobIdSchema } from './jobs.ts';

/** Input of `images.sign`. */
export const signInputSchema = z.strictObject({ jobId: jobIdSchema, index: integer('index', 0, 36) }, unknownFields);

/** A URL that works without a key until `expiresAt`. */
export const signedUrlSchema = z.object({ url: z.string(), expiresAt: z.string() });
export type SignedUrl = z.infer<typeof signedUrlSchema>;
