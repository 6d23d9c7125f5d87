/**
 * Remembers which files of a bundle were found right, as git's index does: by size, time of change and inode. Hashing
 * four gigabytes at every start would cost more than loading them.
 */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FunctionError } from '../errors.ts';
import type { Manifest } from './manifest.ts';

/** Beside the manifest, but no part of the bundle. */
const VERIFIED_FILE = '.verified.json';

type FileStates = Record<string, string>;

/** @throws FunctionError `model_corrupt` when a file is missing or has another length. */
export async function readFileStates(folder: string, manifest: Manifest): Promise<FileStates> {
  const states: FileStates = {};
  for (const [name, expected] of Object.entries(manifest.files)) {
    const found = await stat(join(folder, name), { bigint: true }).catch(() => undefined);
    if (found === undefined || found.size !== BigInt(expected.bytes)) {
      const problem = found === undefined ? 'it is missing' : `it has ${found.size}`;
      throw new FunctionError('model_corrupt', `Model file ${name} should have ${expected.bytes} bytes; ${problem}.`);
    }
    states[name] = `${found.size} ${found.mtimeNs} ${found.ino}`;
  }
  return states;
}

export async function readVerifiedStates(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, VERIFIED_FILE), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Call once every file is known to be right. In a folder that cannot be written to, files are checked at each start. */
export async function recordVerified(folder: string, manifest: Manifest): Promise<void> {
  const states = await readFileStates(folder, manifest);
  await writeFile(join(folder, VERIFIED_FILE), JSON.stringify(states)).catch(() => undefined);
}
