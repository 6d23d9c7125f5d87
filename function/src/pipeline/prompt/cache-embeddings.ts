import { createHash } from 'node:crypto';
import type { Tensor } from '../../runtime/tensor.ts';
import type { DiffusionModel } from '../diffusion-model.ts';

/** Of full-size prompt embeddings, a chunk of 77 tokens takes 0.24 MB. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * The same model, which remembers what its text encoder said last: a prompt that comes again, as negative prompts mostly
 * do, is not encoded again.
 * @param maxBytes Of all embeddings that are kept. @defaultValue 32 MiB
 */
export function cacheEmbeddings(model: DiffusionModel, maxBytes = MAX_BYTES): DiffusionModel {
  // In the order of their last use.
  const kept = new Map<string, Tensor>();
  let keptBytes = 0;

  function forget(key: string): void {
    keptBytes -= kept.get(key)?.data.byteLength ?? 0;
    kept.delete(key);
  }

  function keep(key: string, embeddings: Tensor): void {
    kept.set(key, embeddings);
    keptBytes += embeddings.data.byteLength;
    for (const oldest of kept.keys()) {
      if (keptBytes <= maxBytes) break;
      forget(oldest);
    }
  }

  return {
    ...model,
    async encodePrompts(tokenIds, clipSkip = 1, vectors = []) {
      const key = keyOf(tokenIds, clipSkip, vectors);
      const embeddings = kept.get(key) ?? (await model.encodePrompts(tokenIds, clipSkip, vectors));
      forget(key);
      keep(key, embeddings);
      return embeddings;
    },
  };
}

/** Of all that the text encoder is told, vectors of custom embeddings by their values. */
function keyOf(tokenIds: readonly Int32Array[], clipSkip: number, vectors: readonly Float32Array[]): string {
  const hash = createHash('sha256').update(JSON.stringify([clipSkip, tokenIds.map(({ length }) => length)]));
  for (const values of [...tokenIds, ...vectors]) hash.update(values);
  return hash.digest('base64');
}
