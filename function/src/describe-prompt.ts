import type { ParsedReadPromptInput, PromptReading } from '@safelight/sdk/contract';
import { FunctionError } from './errors.ts';
import { createClipTokenizerJson } from './pipeline/clip-tokenizer-json.ts';
import type { EmbeddingEntry } from './pipeline/prompt/embeddings.ts';
import { readPrompt } from './pipeline/prompt/read-prompt.ts';
import { predictionCount } from './pipeline/resolve-sampler.ts';
import { findSampler } from './pipeline/schedulers/sampler-aliases.ts';
import { createTokenizer, type Tokenizer } from './pipeline/tokenizer.ts';

let clipTokenizer: Promise<Tokenizer> | undefined;

/**
 * Says how a prompt is read: no model is needed, as all of Stable Diffusion v1 has the same tokenizer.
 * @param embeddings @defaultValue none
 * @throws FunctionError `invalid_input` naming the field.
 */
export async function describePrompt(
  { prompt, promptSyntax, steps, sampler = 'euler' }: ParsedReadPromptInput,
  embeddings?: readonly EmbeddingEntry[],
): Promise<PromptReading> {
  const found = findSampler(sampler);
  if (found === undefined) {
    throw new FunctionError('invalid_input', 'sampler is not one this server has', { field: 'sampler' });
  }
  clipTokenizer ??= createClipTokenizerJson().then(createTokenizer);
  const tokenizer = await clipTokenizer;
  const options = {
    syntax: promptSyntax,
    steps: predictionCount({ sampler: found.sampler, steps }),
    embeddings,
    // Which there are is known where pictures are made.
    usesLora: () => true,
  };
  const { parts, texts, warnings } = readPrompt({ tokenizer }, 'prompt', prompt, options);
  return {
    parts,
    texts: texts.map(({ text, chunks }) => ({
      text,
      tokenCount: chunks.reduce((count, chunk) => count + chunk.length, 0),
      chunks: chunks.map((chunk) =>
        chunk.map(({ id, weight, custom }) => ({ id, text: custom?.embedding.name ?? tokenizer.decode(id), weight })),
      ),
    })),
    warnings,
  };
}
