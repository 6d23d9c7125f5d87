import type { PromptSyntax, Warning } from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';
import type { DiffusionModel } from '../diffusion-model.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { parseAttention } from './attention.ts';
import { CHUNK_TOKENS, cutIntoChunks, type WeightedToken } from './chunks.ts';
import { splitComposition } from './composition.ts';
import { createEmbeddingFinder, type Embedding, type EmbeddingEntry, type FindEmbedding } from './embeddings.ts';
import { removeNetworks } from './networks.ts';
import { readPromptEditing } from './prompt-editing.ts';
import { straightenQuotes } from './straighten-quotes.ts';

type PromptField = 'prompt' | 'negativePrompt';

/** A bound on what one prompt may cost; 256 chunks are nineteen thousand tokens. */
const MAX_CHUNKS = 256;

/** How a prompt is understood, before any model sees it. */
export interface PromptReading {
  /** Prompts to be guided towards at once; one, unless `AND` joins several. Never empty. */
  parts: PromptPart[];
  /** What the parts say at one time or another, each text once. */
  texts: PromptText[];
  /** Embeddings that they name, each once, in order. */
  embeddings: Embedding[];
  warnings: Warning[];
}

export interface PromptPart {
  weight: number;
  /** In order: the text with this index in `texts` holds until this prediction of noise, counted from 0. */
  schedule: { until: number; text: number }[];
}

export interface PromptText {
  text: string;
  /** Each of at most 75 tokens, without start, end and padding. Never empty. */
  chunks: WeightedToken[][];
}

export interface ReadPromptOptions {
  /** Decides the meaning of brackets, bars, `AND` and `BREAK`; without, all is taken as it is. */
  syntax: PromptSyntax;
  /** Predictions of noise in a run: `[a:b:0.5]` switches in the midst of them. */
  steps: number;
  /** Whether a LoRA of that name is added to the model. @defaultValue None is */
  usesLora?: (name: string) => boolean;
  /** Names that stand for vectors, in A1111's syntax. @defaultValue none */
  embeddings?: readonly EmbeddingEntry[] | undefined;
}

/** Words, numbers, and pictographs, each of which is a word of its own. */
const WORDS = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*|\p{Extended_Pictographic}/gu;

/**
 * Turns a prompt into tokens and says what of it the model will not see or not understand.
 * @throws FunctionError `invalid_input` when a prompt asks for more texts than are reasonable, or names an embedding that
 * cannot be used.
 */
export function readPrompt(
  {
    tokenizer,
    vocabulary,
    info,
    config,
  }: Pick<DiffusionModel, 'tokenizer'> & Partial<Pick<DiffusionModel, 'vocabulary' | 'info' | 'config'>>,
  field: PromptField,
  prompt: string,
  options: ReadPromptOptions,
): PromptReading {
  const { embeddings = [] } = options;
  const find = createEmbeddingFinder(embeddings, { tokenizer, field, width: config?.text.width });
  const read = options.syntax === 'plain' ? readPlain : readA1111;
  const { reading, plainText } = read(tokenizer, field, prompt, { ...options, find });
  const names = reading.embeddings.map(({ name }) => name).join(' ');
  const named = new Set(wordsOf(names.toLowerCase()));
  const words = unknownWords(plainText, vocabulary).filter((word) => !named.has(word.toLowerCase()));
  if (words.length === 0) return reading;
  const message = `The model "${info?.name}" was not trained on ${words.map((word) => `"${word}"`).join(', ')}.`;
  return { ...reading, warnings: [...reading.warnings, { code: 'unknown_words', field, message, words }] };
}

interface ReadOptions extends ReadPromptOptions {
  find: FindEmbedding;
}

interface Read {
  reading: PromptReading;
  /** What is left of the prompt without its syntax. */
  plainText: string;
}

/** As CompVis' scripts do: one chunk, and what does not fit is left out. */
function readPlain(tokenizer: Tokenizer, field: PromptField, prompt: string, { steps }: ReadPromptOptions): Read {
  const text = straightenQuotes(prompt);
  const tokenIds = tokenizer.words(text).flatMap((word) => word.tokenIds);
  const { truncatedText } = tokenizer.encode(text);
  const warnings: Warning[] = [];
  if (truncatedText !== undefined) {
    const message = `The ${field} is longer than the model reads: its end was ignored. Say the important things first.`;
    warnings.push({ code: 'prompt_truncated', field, message, ignoredText: truncatedText });
  }
  const chunk = tokenIds.slice(0, CHUNK_TOKENS).map((id) => ({ id, weight: 1 }));
  const parts = [{ weight: 1, schedule: [{ until: steps, text: 0 }] }];
  return { reading: { parts, texts: [{ text, chunks: [chunk] }], embeddings: [], warnings }, plainText: prompt };
}

function readA1111(
  tokenizer: Tokenizer,
  field: PromptField,
  prompt: string,
  { steps, usesLora = () => false, find }: ReadOptions,
): Read {
  const { text: said, warnings } = removeNetworks(prompt, field, usesLora);
  const text = straightenQuotes(said);
  // A1111 composes towards prompts, never away from them.
  const composed = field === 'prompt' ? splitComposition(text) : [{ text, weight: 1 }];
  const texts = new Map<string, PromptText & { index: number }>();
  let chunkCount = 0;

  function indexOf(timedText: string): number {
    const known = texts.get(timedText);
    if (known) return known.index;
    const chunks = cutIntoChunks(parseAttention(timedText), tokenizer, find);
    chunkCount += chunks.length;
    if (chunkCount > MAX_CHUNKS) {
      const message = `${field} changes into more text than the server reads: use fewer alternatives or fewer words`;
      throw new FunctionError('invalid_input', message, { field });
    }
    texts.set(timedText, { text: timedText, chunks, index: texts.size });
    return texts.size - 1;
  }

  const parts = composed.map((part) => ({
    weight: part.weight,
    schedule: readPromptEditing(part.text, steps).map((timed) => ({ until: timed.until, text: indexOf(timed.text) })),
  }));
  const plainText = [...texts.keys()].map(withoutSyntax).join(' ');
  const read = [...texts.values()].map((value) => ({ text: value.text, chunks: value.chunks }));
  return { reading: { parts, texts: read, embeddings: embeddingsOf(read), warnings }, plainText };
}

function embeddingsOf(texts: readonly PromptText[]): Embedding[] {
  const tokens = texts.flatMap(({ chunks }) => chunks.flat());
  return [...new Set(tokens.flatMap(({ custom }) => (custom === undefined ? [] : [custom.embedding])))];
}

function withoutSyntax(text: string): string {
  return parseAttention(text)
    .map(({ text: said, weight }) => (weight === -1 ? ' ' : said))
    .join('');
}

/** The words of a text that are not in the vocabulary, each once, in order, as written. */
export function unknownWords(text: string, vocabulary: ReadonlySet<string> | undefined): string[] {
  if (vocabulary === undefined) return [];
  return [...new Set(wordsOf(text).filter((word) => !vocabulary.has(word.toLowerCase())))];
}

const wordsOf = (text: string): readonly string[] => text.match(WORDS) ?? [];
