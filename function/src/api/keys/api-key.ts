import { createHash, randomBytes as cryptoRandomBytes } from 'node:crypto';
import * as z from 'zod/mini';

const SECRET_BYTES = 32;

/** What a key may use; what is left out is not limited. */
export const keyLimitsSchema = z.object({
  requestsPerMinute: z.optional(z.number()),
  /** Jobs that wait or run at a time. */
  concurrentJobs: z.optional(z.number()),
  /** By UTC day of submission. */
  imagesPerDay: z.optional(z.number()),
  /** By UTC month. Checked before a job is taken: those in work may go over it. */
  usdPerMonth: z.optional(z.number()),
});
export type KeyLimits = z.infer<typeof keyLimitsSchema>;

/** SHA-256 of a key, hexadecimal: all that is stored of it. */
export const hashApiKey = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Whose jobs a key sees, from the key's hash. */
export const ownerOfHash = (hash: string): string => `key-${hash.slice(0, 16)}`;

/** A key that nobody can guess: 256 random bits. */
export const createApiKey = (randomBytes: (size: number) => Buffer = cryptoRandomBytes): string =>
  `sl_${randomBytes(SECRET_BYTES).toString('base64url')}`;

/** The key of an `authorization` header; `undefined` without one. */
export const bearerKeyOf = (authorization: string | undefined): string | undefined =>
  /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
