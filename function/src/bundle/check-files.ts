import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { FunctionError } from '../errors.ts';
import { type ByteThreads, spareThreads, startByteThreads } from './byte-threads.ts';
import type { FileEntry } from './file-entry.ts';
import { hashFiles } from './hash-files.ts';

/** @throws FunctionError `model_corrupt` with both checksums when the file's differs. */
export async function checkSha256(path: string, name: string, expected: string): Promise<void> {
  compare(`Model file ${name} is damaged: its`, (await hashFiles([path]))[0], expected);
}

/** @throws FunctionError `model_corrupt` naming the file, and the part, that differs, with both checksums. */
export async function checkFiles(folder: string, files: Readonly<Record<string, FileEntry>>): Promise<void> {
  const threads = startByteThreads(spareThreads());
  try {
    for (const [name, entry] of Object.entries(files)) {
      const path = join(folder, name);
      if (entry.parts !== undefined) await checkParts(path, name, entry.parts, threads);
      else compare(`Model file ${name} is damaged: its`, await threads.sha256OfFile(path), entry.sha256);
    }
  } finally {
    await threads.close();
  }
}

async function checkParts(
  path: string,
  name: string,
  { bytes: partBytes, sha256 }: NonNullable<FileEntry['parts']>,
  threads: ByteThreads,
): Promise<void> {
  const file = await open(path, 'r');
  const checking = sha256.map(async (expected, index) => {
    const offset = index * partBytes;
    const where = `Model file ${name} is damaged: part ${index + 1} of ${sha256.length}, at byte ${offset}: its`;
    compare(where, await threads.sha256OfRange(file.fd, offset, partBytes), expected);
  });
  try {
    await Promise.all(checking);
  } finally {
    await Promise.allSettled(checking);
    await file.close();
  }
}

function compare(beginning: string, found: string | undefined, expected: string | undefined): void {
  if (found === expected) return;
  throw new FunctionError('model_corrupt', `${beginning} sha256 is ${found}, it should be ${expected}.`);
}
