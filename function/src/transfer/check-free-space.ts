import { statfs } from 'node:fs/promises';
import { FunctionError } from '../errors.ts';

export interface CheckFreeSpaceParams {
  /** A folder that exists. */
  folder: string;
  neededBytes: number;
  /** For tests. @defaultValue what the file system says */
  freeBytes?: ((folder: string) => Promise<number>) | undefined;
}

/**
 * Finds out before the first byte is fetched that the disk cannot hold them all.
 * @throws FunctionError `storage_full` with what is needed and what is there.
 */
export async function checkFreeSpace({
  folder,
  neededBytes,
  freeBytes = freeBytesOf,
}: CheckFreeSpaceParams): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= neededBytes) return;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  throw new FunctionError(
    'storage_full',
    `${folder} needs ${megabytes(neededBytes)} more, and its disk has ${megabytes(free)} free: make room, or choose another folder.`,
  );
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
