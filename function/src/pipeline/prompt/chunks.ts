import type { Tokenizer } from '../tokenizer.ts';
import { chunkBreak, type WeightedText } from './attention.ts';
import type { Embedding, FindEmbedding } from './embeddings.ts';

/** Tokens of a chunk beside start and end. */
export const CHUNK_TOKENS = 75;
/** The id of a place that a vector of an embedding takes. */
export const VECTOR_ID = -1;
/** A chunk ends after a comma rather than within what follows, if that is at most this many tokens. */
const COMMA_BACKTRACK = 20;

/** What takes one place of a chunk: a token, or a vector of an embedding. */
export interface WeightedToken {
  /** Of the vocabulary, or `VECTOR_ID`. */
  id: number;
  weight: number;
  custom?: { embedding: Embedding; vector: Float32Array };
}

/**
 * Cuts a text into as many chunks as it takes, at `BREAK` and else every 75 tokens, after a comma if one is near. The
 * vectors of an embedding stay together.
 *
 * Source: A1111 `modules/sd_hijack_clip.py` (`tokenize_line`). What moves to the next chunk for a comma's sake takes its
 * vectors along, which A1111 forgets.
 *
 * @param findEmbedding @defaultValue There are none
 * @returns At least one chunk, each of at most 75 tokens, without start, end and padding.
 * @throws FunctionError as `findEmbedding`.
 */
export function cutIntoChunks(
  texts: readonly WeightedText[],
  tokenizer: Tokenizer,
  findEmbedding: FindEmbedding = () => undefined,
): WeightedToken[][] {
  const [comma] = tokenizer.words(',')[0]?.tokenIds ?? [];
  const chunks: WeightedToken[][] = [];
  let chunk: WeightedToken[] = [];
  let lastComma = -1;

  function endChunk(next: WeightedToken[] = []): void {
    chunks.push(chunk);
    chunk = next;
    lastComma = -1;
  }

  function makeRoomFor(id: number): void {
    const isFull = chunk.length === CHUNK_TOKENS;
    if (id === comma) lastComma = chunk.length;
    else if (isFull && lastComma !== -1 && chunk.length - lastComma <= COMMA_BACKTRACK) {
      endChunk(chunk.splice(lastComma + 1));
    }
    if (chunk.length === CHUNK_TOKENS) endChunk();
  }

  function add(ids: readonly number[], weight: number): void {
    for (let position = 0; position < ids.length; ) {
      const id = ids[position] as number;
      makeRoomFor(id);
      const { embedding, tokens } = findEmbedding(ids, position) ?? { tokens: 1 };
      if (chunk.length + (embedding?.vectors.length ?? 1) > CHUNK_TOKENS) endChunk();
      if (embedding === undefined) chunk.push({ id, weight });
      else for (const vector of embedding.vectors) chunk.push({ id: VECTOR_ID, weight, custom: { embedding, vector } });
      position += tokens;
    }
  }

  for (const { text, weight } of texts) {
    if (text === chunkBreak.text && weight === chunkBreak.weight) endChunk();
    else
      add(
        tokenizer.words(text).flatMap(({ tokenIds }) => tokenIds),
        weight,
      );
  }
  if (chunk.length > 0 || chunks.length === 0) endChunk();
  return chunks;
}
