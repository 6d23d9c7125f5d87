import * as z from 'zod/mini';
import { unknownFields } from './checks.ts';

/** What something costs, by the price list of a certain day: an estimate, the provider's bill decides. */
export const priceSchema = z.object({
  amount: z.number(),
  /** ISO 4217, such as USD. */
  currency: z.string(),
  /** The day of the price list, YYYY-MM-DD. */
  priceDate: z.string(),
});
export type Price = z.infer<typeof priceSchema>;

/** What a finished job took. Only the attempt that made the pictures counts. */
export const jobUsageSchema = z.object({
  /** Seconds that the job held its worker: the GPU, or the processor of a machine without one. */
  gpuSeconds: z.number(),
  /** Absent where nothing is billed. */
  price: z.optional(priceSchema),
});
export type JobUsage = z.infer<typeof jobUsageSchema>;

/** A year and a day: more is not added up in one request. */
const MAX_USAGE_DAYS = 366;
const DAY_MS = 24 * 60 * 60 * 1000;

const day = (name: string) => {
  const error = `${name} must be a day, YYYY-MM-DD`;
  return z.string(error).check(
    z.regex(/^\d{4}-\d{2}-\d{2}$/, error),
    z.refine((value) => new Date(`${value}T00:00:00Z`).getTime() >= 0, error),
  );
};

/** Input of `usage.get`: days in UTC, both included. */
export const usageInputSchema = z.strictObject({ from: day('from'), to: day('to') }, unknownFields).check(
  z.refine(({ from, to }) => from <= to, { error: 'from must not be after to', path: ['from'] }),
  z.refine(({ from, to }) => Date.parse(to) - Date.parse(from) < MAX_USAGE_DAYS * DAY_MS, {
    error: `from and to must be at most ${MAX_USAGE_DAYS} days apart`,
    path: ['from'],
  }),
);
export type UsageInput = z.input<typeof usageInputSchema>;

/** What one key used on one day, by when its jobs finished. Where prices are in several currencies, one entry for each. */
export const usageEntrySchema = z.object({
  /** UTC, YYYY-MM-DD. */
  day: z.string(),
  /** The API key, by the server's name for it. */
  key: z.string(),
  /** Jobs that succeeded: no others are charged. */
  jobs: z.number(),
  images: z.number(),
  gpuSeconds: z.number(),
  /** Absent where nothing is billed. */
  price: z.optional(z.object({ amount: z.number(), currency: z.string() })),
});
export type UsageEntry = z.infer<typeof usageEntrySchema>;

/** Answer of `usage.get`, the earliest day first. Days without jobs are left out. */
export const usageSchema = z.object({ entries: z.array(usageEntrySchema) });
export type Usage = z.infer<typeof usageSchema>;

/** Answer of `jobs.estimate`: what a job would take, judged by the latest ones with the same model. */
export const estimateSchema = z.object({
  /** From start to pictures, at the pace of the latest jobs, without loading the model. Absent until there are any. */
  seconds: z.optional(z.number()),
  /** Of its share of these seconds, where jobs are drawn together. Absent where nothing is billed, or they are unknown. */
  price: z.optional(priceSchema),
  /** Jobs that would come before it. */
  queued: z.number(),
});
export type Estimate = z.infer<typeof estimateSchema>;
