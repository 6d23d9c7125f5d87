import * as z from 'zod/mini';
import { integer, unknownFields } from './checks.ts';
import { promptSyntaxSchema, promptTextSchema } from './generate.ts';
import { samplerInputSchema } from './sampler-names.ts';
import { warningSchema } from './warnings.ts';

/** Input of `prompts.read`: a prompt, and what of a job decides how it is read. */
export const readPromptInputSchema = z.strictObject(
  {
    prompt: promptTextSchema,
    promptSyntax: z._default(promptSyntaxSchema, 'a1111'),
    /** `[a:b:0.5]` switches in the midst of them. */
    steps: z._default(integer('steps', 1, 1000), 20),
    /** Some samplers predict noise twice in a step, and prompts switch by predictions. Absent, one that does not. */
    sampler: z.optional(samplerInputSchema),
  },
  unknownFields,
);
export type ReadPromptInput = z.input<typeof readPromptInputSchema>;
export type ParsedReadPromptInput = z.output<typeof readPromptInputSchema>;

/** How the server understands a prompt. */
export const promptReadingSchema = z.object({
  /** Prompts that a picture is guided towards at once: one, unless `AND` joins several. */
  parts: z.array(
    z.object({
      /** What guidance is multiplied by. */
      weight: z.number(),
      /** In order: the text with this index in `texts` holds until this prediction of noise, counted from 0. */
      schedule: z.array(z.object({ until: z.number(), text: z.number() })),
    }),
  ),
  /** What the parts say at one time or another. */
  texts: z.array(
    z.object({
      text: z.string(),
      /** Without start, end and padding. */
      tokenCount: z.number(),
      /** What the text encoder sees at once: at most 75 tokens each. A vector of an embedding has its name, and id -1. */
      chunks: z.array(z.array(z.object({ id: z.number(), text: z.string(), weight: z.number() }))),
    }),
  ),
  warnings: z.array(warningSchema),
});
export type PromptReading = z.infer<typeof promptReadingSchema>;
