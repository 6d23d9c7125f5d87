import type { Warning } from '@safelight/sdk/contract';
import type { DiffusionModel } from './diffusion-model.ts';

type PromptField = 'prompt' | 'negativePrompt';

export interface ReadPrompt {
  /** [77]: start, the prompt, end, padding. */
  tokenIds: Int32Array;
  warnings: Warning[];
}

/** Words, numbers, and pictographs, each of which is a word of its own. */
const WORDS = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*|\p{Extended_Pictographic}/gu;

/** Turns a prompt into tokens and says what of it the model will not see or not understand. */
export function readPrompt(model: DiffusionModel, field: PromptField, text: string): ReadPrompt {
  const { tokenIds, truncatedText } = model.tokenizer.encode(text);
  const warnings: Warning[] = [];
  if (truncatedText !== undefined) {
    const message = `The ${field} is longer than the model reads: its end was ignored. Say the important things first.`;
    warnings.push({ code: 'prompt_truncated', field, message, ignoredText: truncatedText });
  }
  const words = unknownWords(text, model.vocabulary);
  if (words.length > 0) {
    const message = `The model "${model.info.name}" was not trained on ${words.map((word) => `"${word}"`).join(', ')}.`;
    warnings.push({ code: 'unknown_words', field, message, words });
  }
  return { tokenIds, warnings };
}

/** The words of a text that are not in the vocabulary, each once, in order, as written. */
export function unknownWords(text: string, vocabulary: ReadonlySet<string> | undefined): string[] {
  if (vocabulary === undefined) return [];
  const words = text.match(WORDS) ?? [];
  return [...new Set(words.filter((word) => !vocabulary.has(word.toLowerCase())))];
}
