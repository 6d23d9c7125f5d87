import * as z from 'zod/mini';
import { orNewer } from './checks.ts';

const knownPhaseSchema = z.discriminatedUnion('name', [
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

/**
 * What a job is doing right now. `image` counts from 0, `position` says how many jobs come before this one. `other`: a
 * newer server does something that this version has no word for.
 */
export const phaseSchema = orNewer(
  'name',
  knownPhaseSchema,
  ['queued', 'provisioning', 'loading', 'encoding', 'denoising', 'decoding', 'uploading'],
  () => ({ name: 'other' as const }),
);
export type Phase = z.infer<typeof phaseSchema>;
