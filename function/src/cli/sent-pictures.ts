import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { MAX_UPLOAD_BYTES } from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';

/** A picture to start from, or a mask, read from a file. */
export interface PictureFile {
  /** As of an upload; a server gives it another one. */
  key: string;
  data: Uint8Array;
}

export type PictureFiles = Partial<Record<'initImage' | 'mask', PictureFile>>;

const MAX_FILE_BYTES = 200 * 1024 * 1024;

const extensions: Record<string, string> = { '.png': 'png', '.jpg': 'jpg', '.jpeg': 'jpg', '.webp': 'webp' };

/** @throws FunctionError `invalid_input` naming the field whose file cannot be read. */
export async function readPictureFiles(paths: { initImage?: string; mask?: string }): Promise<PictureFiles> {
  const files: PictureFiles = {};
  for (const field of ['initImage', 'mask'] as const) {
    const path = paths[field];
    if (path !== undefined) files[field] = await readPictureFile(field, path);
  }
  return files;
}

/** @param field What a message calls it. @throws FunctionError `invalid_input` naming the field. */
export async function readPictureFile(field: string, path: string): Promise<PictureFile> {
  const extension = extensions[extname(path).toLowerCase()];
  if (extension === undefined) throw refused(field, 'must be a file that ends in .png, .jpg, .jpeg or .webp');
  try {
    if ((await stat(path)).size > MAX_UPLOAD_BYTES) throw refused(field, 'is larger than 20 MiB: make it smaller');
    const data = await readFile(path);
    return { key: `uploads/local/${createHash('sha256').update(data).digest('hex')}.${extension}`, data };
  } catch (cause) {
    if (cause instanceof FunctionError) throw cause;
    throw refused(field, `cannot be read from ${path}`, cause);
  }
}

/** A picture to look at. @throws FunctionError `invalid_input` for a file that cannot be read. */
export async function readFileOrRefuse(path: string, field = 'file'): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if ((await stat(path)).size > MAX_FILE_BYTES) throw refused(field, 'is larger than 200 MiB');
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    if (cause instanceof FunctionError) throw cause;
    throw refused(field, 'cannot be read: is it there?', cause);
  }
}

function refused(field: string, what: string, cause?: unknown): FunctionError {
  return new FunctionError('invalid_input', `${field} ${what}`, { field, cause });
}
