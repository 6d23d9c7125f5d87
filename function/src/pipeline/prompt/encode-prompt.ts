import { concat, type Tensor, tensor } from '../../runtime/tensor.ts';
import type { DiffusionModel } from '../diffusion-model.ts';
import { CHUNK_TOKENS, type WeightedToken } from './chunks.ts';
import type { PromptPart, PromptReading } from './read-prompt.ts';

/** Embeddings that hold up to and including a prediction of noise, counted from 0; the last ones hold to the end. */
export type ScheduledEmbeddings = readonly { until: number; embeddings: Tensor }[];

/** A prompt as the UNet takes it: one of the prompts that `AND` joins, or the only one. */
export interface EncodedPart {
  weight: number;
  /** Embeddings are [1, 77 × chunks, width]. */
  schedule: ScheduledEmbeddings;
}

/** Both prompts of a picture as the UNet takes them. */
export interface GuidingPrompts {
  /** What the picture shows: the parts that `AND` joins, mostly one. */
  readonly conditional: readonly EncodedPart[];
  /** What it should not show. */
  readonly unconditional: ScheduledEmbeddings;
}

/** Runs the text encoder over all that the prompts say. */
export async function encodePrompts(
  model: DiffusionModel,
  { prompt, negative }: { prompt: PromptReading; negative: PromptReading },
  clipSkip: number,
): Promise<GuidingPrompts> {
  const texts = [...negative.texts, ...prompt.texts];
  const chunks = await encodeChunks(
    model,
    texts.flatMap((text) => text.chunks),
    clipSkip,
  );
  const embeddings = texts.map((text) => joinChunks(chunks.splice(0, text.chunks.length)));
  const negativeEmbeddings = embeddings.splice(0, negative.texts.length);
  return {
    conditional: prompt.parts.map((part) => encodePart(part, embeddings)),
    unconditional: negative.parts.flatMap((part) => encodePart(part, negativeEmbeddings).schedule),
  };
}

function encodePart({ weight, schedule }: PromptPart, embeddings: readonly Tensor[]): EncodedPart {
  return {
    weight,
    schedule: schedule.map(({ until, text }) => ({ until, embeddings: embeddings[text] as Tensor })),
  };
}

async function encodeChunks(
  model: DiffusionModel,
  chunks: readonly WeightedToken[][],
  clipSkip: number,
): Promise<Tensor[]> {
  const encoded: Tensor[] = [];
  // One by one: what a chunk becomes must not depend on which others are known already.
  for (const chunk of chunks) {
    const vectors = new Map<Float32Array, number>();
    const tokenIds = padChunk(chunk, model, vectors);
    const embeddings = await model.encodePrompts([tokenIds], clipSkip, [...vectors.keys()]); // [1, 77, width]
    encoded.push(emphasize(embeddings, chunk));
  }
  return encoded;
}

/**
 * [77]: start, the tokens, end, and end again as padding.
 * @param vectors Those that stand for ids beyond the vocabulary, with their ids; new ones are added.
 */
function padChunk(
  chunk: readonly WeightedToken[],
  { tokenizer: { startId, endId }, config }: DiffusionModel,
  vectors: Map<Float32Array, number>,
): Int32Array {
  const idOf = (vector: Float32Array) => {
    const id = vectors.get(vector) ?? config.text.vocab_size + vectors.size;
    vectors.set(vector, id);
    return id;
  };
  const tokenIds = new Int32Array(CHUNK_TOKENS + 2).fill(endId);
  tokenIds.set([startId, ...chunk.map(({ id, custom }) => (custom === undefined ? id : idOf(custom.vector)))]);
  return tokenIds;
}

/**
 * Multiplies the embeddings of tokens by their weights, and the whole chunk so that its mean stays.
 *
 * Source: A1111 `modules/sd_emphasis.py` (`EmphasisOriginal`).
 */
export function emphasize(embeddings: Tensor, chunk: readonly WeightedToken[]): Tensor {
  if (chunk.every(({ weight }) => weight === 1)) return embeddings;
  const [, positions = 0, width = 0] = embeddings.dims;
  const weights = new Float64Array(positions).fill(1);
  for (const [i, { weight }] of chunk.entries()) weights[i + 1] = weight; // behind the start
  const weighted = embeddings.data.map((value, i) => value * (weights[Math.floor(i / width)] as number));
  const correction = meanOf(embeddings.data) / meanOf(weighted);
  return tensor(
    weighted.map((value) => value * correction),
    embeddings.dims,
  );
}

function meanOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** n × [1, 77, width] → [1, 77 n, width]: the UNet attends to all chunks alike. */
function joinChunks(chunks: readonly Tensor[]): Tensor {
  const { data, dims } = concat(chunks);
  const [count = 1, positions = 1, width = 1] = dims;
  return tensor(data, [1, count * positions, width]);
}
