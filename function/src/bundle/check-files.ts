import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { FunctionError } from '../errors.ts';
import { type ByteThreads, spareThreads, startByteThreads } from './byte-threads.ts';
import type { FileEntry } from './file-entry.ts';
import { hashFiles } from './hash-files.ts';

/** @throws FunctionError `model_corrupt` with both checksums when the file's differs. */
export async function checkSha256(path: string, name: string, expected: string): Promise<void> {
  const [found] = await hashFiles([path]);
  if (found === expected) return;
  throw new FunctionError(
    'model_corrupt',
    `Model file ${name} is damaged: its sha256 is ${found}, it should be ${expected}.`,
  );
}

/** @throws FunctionError `model_corrupt` naming the file, and the part, that differs, with both checksums. */
export async function checkFiles(folder: string, files: Readonly<Record<string, FileEntry>>): Promise<void> {
  const threads = startByteThreads(spareThreads());
  try {
    for (const [name, entry] of Object.entries(files)) await checkFile(join(folder, name), name, entry, threads);
  } finally {
    await threads.close();
  }
}

async function checkFile(
  path: string,
  name: string,
  { partBytes, crc32 }: FileEntry,
  threads: ByteThreads,
): Promise<void> {
  const file = await open(path, 'r');
  const checking = crc32.map(async (expected, index) => {
    const offset = index * partBytes;
    const found = await threads.crc32OfRange(file.fd, offset, partBytes);
    if (found === expected) return;
    const part = crc32.length === 1 ? '' : ` part ${index + 1} of ${crc32.length}, at byte ${offset}:`;
    const problem = `Model file ${name} is damaged:${part} its CRC32 is ${found}, it should be ${expected}.`;
    throw new FunctionError('model_corrupt', problem);
  });
  try {
    await Promise.all(checking);
  } finally {
    await Promise.allSettled(checking);
    await file.close();
  }
}
