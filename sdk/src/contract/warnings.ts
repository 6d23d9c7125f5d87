import * as z from 'zod/mini';
import { orNewer } from './checks.ts';

const knownWarningSchema = z.discriminatedUnion('code', [
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
  z.object({
    /** The prompt names networks, such as `<lora:name:0.8>`, that had no effect, or not their whole one. */
    code: z.literal('networks_ignored'),
    field: z.enum(['prompt', 'negativePrompt']),
    message: z.string(),
    networks: z.array(z.string()),
  }),
]);

/** Something the caller should know about a picture that was made all the same. `other`: of a newer server. */
export const warningSchema = orNewer(
  'code',
  knownWarningSchema,
  ['prompt_truncated', 'unknown_words', 'networks_ignored'],
  ({ message }) => ({
    code: 'other' as const,
    message: typeof message === 'string' ? message : 'The server warns of something that this version does not know',
  }),
);
export type Warning = z.infer<typeof warningSchema>;
