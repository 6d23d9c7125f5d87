import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFiles } from './hash-files.ts';

/** Files of a checkpoint folder that hold weights or say how to read them. */
const PART_OF_CHECKPOINT = /\.(safetensors|bin|ckpt|json)$/;

/**
 * The checksum by which a checkpoint is known. Of a file it is its sha256, the model hash of other tools; of a folder,
 * that of a list of the files' checksums and names, as `sha256sum` prints it.
 */
export async function hashCheckpoint(path: string, signal?: AbortSignal): Promise<string> {
  if (!(await stat(path)).isDirectory()) return (await hashFiles([path], signal))[0] as string;
  const names = (await readdir(path, { recursive: true })).filter((name) => PART_OF_CHECKPOINT.test(name)).sort();
  const hashes = await hashFiles(
    names.map((name) => join(path, name)),
    signal,
  );
  const list = names.map((name, i) => `${hashes[i]}  ${name}\n`).join('');
  return createHash('sha256').update(list).digest('hex');
}
