import * as z from 'zod/mini';
import { modelNameSchema } from './generate.ts';

/** Whether the server is up, and how busy. */
export const healthSchema = z.object({
  status: z.literal('ok'),
  version: z.string(),
  defaultModel: modelNameSchema,
  queued: z.number(),
  running: z.number(),
});
export type Health = z.infer<typeof healthSchema>;
