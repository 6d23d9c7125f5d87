import * as z from 'zod/mini';
import { openEnum, unknownFields } from './checks.ts';
import { modelNameSchema } from './generate.ts';
import type { SamplerName } from './samplers.ts';

/** A model that the server has: its licence, its limits and what it does unless told otherwise. */
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
    sampler: openEnum<SamplerName>(),
  }),
  /** Whether pictures are checked by the model's safety checker; absent where it has none. */
  safetyChecker: z.optional(z.boolean()),
  /** What the model can draw, where that is a closed list; absent for models of open vocabulary. */
  concepts: z.optional(z.array(z.string())),
});
export type ModelInfo = z.infer<typeof modelInfoSchema>;

/** Input of `models.get`. */
export const modelRefSchema = z.strictObject({ model: modelNameSchema }, unknownFields);
