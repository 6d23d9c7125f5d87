import { FunctionError } from '../../errors.ts';
import type { Tokenizer } from '../tokenizer.ts';

/** A name that stands for vectors in place of tokens: textual inversion (Gal et al. 2022). */
export interface Embedding {
  readonly name: string;
  /** Of its file. */
  readonly sha256: string;
  /** [width] each, 1 to 75 of them. */
  readonly vectors: readonly Float32Array[];
}

/** An embedding, or what is wrong with its file: nobody need know before a prompt names it. */
export type EmbeddingEntry = Embedding | { readonly name: string; readonly problem: string };

/**
 * Looks for an embedding's name among tokens, at a position.
 * @returns The embedding, and how many tokens its name takes.
 * @throws FunctionError `invalid_input` naming the field of the prompt, for an embedding that cannot be used.
 */
export type FindEmbedding = (
  tokenIds: readonly number[],
  position: number,
) => { embedding: Embedding; tokens: number } | undefined;

export interface EmbeddingFinderOptions {
  tokenizer: Tokenizer;
  /** Of the prompt. */
  field: string;
  /** Of the model's text encoder; absent where no model is asked. */
  width?: number | undefined;
}

/**
 * Finds embeddings by the tokens of their names, the longest name first. So upper and lower case are the same, as are
 * "bad-hands" and "bad - hands"; of names that have the same tokens the first in the list counts.
 *
 * Source: A1111 `modules/textual_inversion/textual_inversion.py` (`find_embedding_at_position`).
 */
export function createEmbeddingFinder(
  entries: readonly EmbeddingEntry[],
  { tokenizer, field, width }: EmbeddingFinderOptions,
): FindEmbedding {
  const named = entries
    .map((entry) => ({ entry, ids: tokenizer.words(entry.name).flatMap(({ tokenIds }) => tokenIds) }))
    .filter(({ ids }) => ids.length > 0)
    .sort((a, b) => b.ids.length - a.ids.length);
  return (tokenIds, position) => {
    const found = named.find(({ ids }) => ids.every((id, i) => tokenIds[position + i] === id));
    return found && { embedding: usableEmbedding(found.entry, field, width), tokens: found.ids.length };
  };
}

function usableEmbedding(entry: EmbeddingEntry, field: string, width: number | undefined): Embedding {
  const refuse = (problem: string) =>
    new FunctionError('invalid_input', `${field} names the embedding ${entry.name}, but ${problem}`, { field });
  if ('problem' in entry) throw refuse(entry.problem);
  const has = entry.vectors[0]?.length;
  if (width === undefined || has === width) return entry;
  throw refuse(`it has vectors of ${has} numbers, and this model takes ${width}: use a model that it was made for`);
}
