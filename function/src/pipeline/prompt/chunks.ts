import type { Tokenizer } from '../tokenizer.ts';
import { chunkBreak, type WeightedText } from './attention.ts';

/** Tokens of a chunk beside start and end. */
export const CHUNK_TOKENS = 75;
/** A chunk ends after a comma rather than within what follows, if that is at most this many tokens. */
const COMMA_BACKTRACK = 20;

export interface WeightedToken {
  id: number;
  weight: number;
}

/**
 * Cuts a text into as many chunks as it takes, at `BREAK` and else every 75 tokens, after a comma if one is near.
 *
 * Source: A1111 `modules/sd_hijack_clip.py` (`tokenize_line`).
 *
 * @returns At least one chunk, each of at most 75 tokens, without start, end and padding.
 */
export function cutIntoChunks(texts: readonly WeightedText[], tokenizer: Tokenizer): WeightedToken[][] {
  const [comma] = tokenizer.words(',')[0]?.tokenIds ?? [];
  const chunks: WeightedToken[][] = [];
  let chunk: WeightedToken[] = [];
  let lastComma = -1;

  function endChunk(next: WeightedToken[] = []): void {
    chunks.push(chunk);
    chunk = next;
    lastComma = -1;
  }

  function add(token: WeightedToken): void {
    const isFull = chunk.length === CHUNK_TOKENS;
    if (token.id === comma) lastComma = chunk.length;
    else if (isFull && lastComma !== -1 && chunk.length - lastComma <= COMMA_BACKTRACK) {
      endChunk(chunk.splice(lastComma + 1));
    }
    if (chunk.length === CHUNK_TOKENS) endChunk();
    chunk.push(token);
  }

  for (const { text, weight } of texts) {
    if (text === chunkBreak.text && weight === chunkBreak.weight) endChunk();
    else for (const id of tokenizer.words(text).flatMap(({ tokenIds }) => tokenIds)) add({ id, weight });
  }
  if (chunk.length > 0 || chunks.length === 0) endChunk();
  return chunks;
}
