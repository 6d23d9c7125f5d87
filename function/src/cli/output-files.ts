import { randomBytes } from 'node:crypto';
import { access, constants, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { isDiskFull } from '../disk-errors.ts';
import { FunctionError } from '../errors.ts';

/**
 * Checks that a picture can be written there, before any time is spent on making it.
 * @throws FunctionError `invalid_input` when the folder is missing or closed, or the path is a folder.
 */
export async function checkOutput(output: string): Promise<void> {
  const folder = dirname(output);
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    const message = `Cannot write into the folder ${folder}: it must exist and be writable.`;
    throw new FunctionError('invalid_input', message, { field: 'output', cause });
  }
  const found = await stat(output).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new FunctionError('invalid_input', `${output} is a folder: name a file in it.`, { field: 'output' });
  }
}

/** The files for `count` pictures: the name itself for one, numbered for several. */
export function outputNames(output: string, count: number): string[] {
  if (count === 1) return [output];
  const extension = extname(output);
  const stem = output.slice(0, output.length - extension.length);
  return Array.from({ length: count }, (_, index) => `${stem}-${index + 1}${extension}`);
}

/** A name in the working folder that no file has yet. */
export async function freeName(stem: string, extension: string): Promise<string> {
  for (let copy = 1; ; copy += 1) {
    const name = copy === 1 ? `${stem}.${extension}` : `${stem}-${copy}.${extension}`;
    const isTaken = await stat(name).then(
      () => true,
      () => false,
    );
    if (!isTaken) return name;
  }
}

/**
 * Writes a file whole or not at all.
 * @throws FunctionError `storage_full` when the disk has no room.
 */
export async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  const unfinished = join(dirname(path), `.safelight-${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(unfinished, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (cause) {
    await rm(unfinished, { force: true });
    if (isDiskFull(cause)) {
      throw new FunctionError('storage_full', `The disk is full: ${path} was not written. Free some space.`, { cause });
    }
    throw new FunctionError(
      'unavailable',
      `${path} cannot be written${cause instanceof Error && 'code' in cause ? ` (${cause.code})` : ''}.`,
      { cause },
    );
  }
}
