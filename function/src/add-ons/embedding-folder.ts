import { stat } from 'node:fs/promises';
import { FunctionError } from '../errors.ts';
import type { EmbeddingEntry } from '../pipeline/prompt/embeddings.ts';
import type { AddOn, AddOnSource } from './add-on-folder.ts';
import { embeddingExtensions, readEmbedding } from './read-embedding.ts';

/** Names that prompts may use. */
export interface EmbeddingFolder {
  /**
   * All that lie in the folder now, by name; files that cannot be used are there with what is wrong with them.
   * @throws FunctionError `unavailable` when the folder cannot be read.
   */
  read(): Promise<readonly EmbeddingEntry[]>;
}

/** Embeddings of a source. A file is read again only when it has changed. */
export function createEmbeddingFolder(source: AddOnSource): EmbeddingFolder {
  let known = new Map<string, { stamp: string; entry: EmbeddingEntry }>();
  return {
    async read() {
      const found: typeof known = new Map();
      for (const addOn of (await source.list(embeddingExtensions)).values()) {
        await source.bring(addOn);
        const stamp = await stampOf(addOn.path);
        const before = known.get(addOn.path);
        const entry = before?.stamp === stamp ? before.entry : await readEntry(addOn);
        found.set(addOn.path, { stamp, entry });
      }
      known = found;
      return [...found.values()].map(({ entry }) => entry);
    },
  };
}

async function readEntry(addOn: AddOn): Promise<EmbeddingEntry> {
  try {
    return await readEmbedding(addOn);
  } catch (error) {
    // A system's own message would tell the path.
    const problem = error instanceof FunctionError ? error.message : 'its file cannot be read: check its permissions.';
    return { name: addOn.name, problem };
  }
}

/** What changes when a file does. */
async function stampOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? 'gone' : `${found.ino} ${found.size} ${found.mtimeNs}`;
}
