import { basename, dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { openByteSource, readBytes } from './byte-source.ts';
import { corruptFile, printable } from './corrupt-file.ts';
import { openFile } from './open-file.ts';
import type { CheckpointFile, ElementRun, TensorInfo } from './tensor-source.ts';

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });
const MAX_JSON_BYTES = 1 << 24;
const MAX_SHARDS = 100;

/**
 * Opens a model that is split over several files, by the index that lies beside them (`….safetensors.index.json`).
 * @param name What messages call the index. @defaultValue The last part of the path
 * @throws FunctionError `model_corrupt` naming the shard and the tensor that is not in it.
 */
export async function openSharded(indexPath: string, name = basename(indexPath)): Promise<CheckpointFile> {
  const index = indexSchema.safeParse(await readJsonFile(indexPath, name));
  if (!index.success) throw corruptFile(name, 'it is no index of shards', index.error);
  const shardOf = index.data.weight_map;
  const shardNames = [...new Set(Object.values(shardOf))].sort();
  if (shardNames.length === 0 || shardNames.length > MAX_SHARDS) {
    throw corruptFile(name, `it names ${shardNames.length} files`);
  }
  const stranger = shardNames.find(
    (shard) => shard !== basename(shard) || shard.startsWith('.') || shard.includes('\\'),
  );
  if (stranger !== undefined) throw corruptFile(name, `it names the file ${printable(stranger)}, which is elsewhere`);

  const shards = new Map<string, CheckpointFile>();
  const close = async () => void (await Promise.all([...shards.values()].map((shard) => shard.close())));
  try {
    for (const shard of shardNames) {
      shards.set(shard, await openFile(join(dirname(indexPath), shard), join(dirname(name), shard)));
    }
    return { ...merge(shards, shardOf, name), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function merge(shards: ReadonlyMap<string, CheckpointFile>, shardOf: Record<string, string>, fileName: string) {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, shard] of Object.entries(shardOf)) {
    const info = shards.get(shard)?.tensors.get(name);
    if (info === undefined) throw corruptFile(printable(shard), `it has no tensor ${printable(name)}`);
    tensors.set(name, info);
  }
  const [first] = shards.values();
  return {
    tensors,
    fileName,
    format: first?.format ?? 'safetensors',
    nesting: first?.nesting ?? [],
    async readFloat32(name: string, run?: ElementRun) {
      const shard = Object.hasOwn(shardOf, name) ? shards.get(shardOf[name] as string) : undefined;
      if (shard === undefined) throw corruptFile(fileName, `it has no tensor ${printable(name)}`);
      return shard.readFloat32(name, run);
    },
  };
}

/** @throws FunctionError `model_corrupt` when it is not JSON, or absurdly long. */
export async function readJsonFile(path: string, name: string): Promise<unknown> {
  const bytes = await openByteSource(path, name);
  try {
    if (bytes.size > MAX_JSON_BYTES) throw corruptFile(name, 'it is absurdly long');
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await readBytes(bytes, 0, bytes.size)));
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) throw corruptFile(name, 'it is not JSON', cause);
    throw cause;
  } finally {
    await bytes.close();
  }
}
