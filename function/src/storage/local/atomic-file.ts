import { randomBytes } from 'node:crypto';
import { link, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasErrorCode } from '../../disk-errors.ts';

/** The file or folder is not there. */
export const isMissing = (error: unknown): boolean => hasErrorCode(error, 'ENOENT', 'ENOTDIR');
/** The name is taken. */
const isTaken = (error: unknown): boolean => hasErrorCode(error, 'EEXIST');

/** Temporary files that this process is writing right now: a sweep must leave them alone. */
const liveTemporaryFiles = new Set<string>();
export const isLiveTemporaryFile = (path: string): boolean => liveTemporaryFiles.has(path);

/** A name that tells which process wrote it, so that a sweep can ask whether that process still lives. */
export const temporaryName = (): string => `tmp-${process.pid}-${randomBytes(8).toString('hex')}`;
export const TEMPORARY_NAME = /^tmp-(\d+)-[0-9a-f]{16}$/;

/** Makes a folder's new entries survive a power cut. Windows cannot open folders, and needs not. */
const syncFolder = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

export interface CreateFileOptions {
  /** Where the file grows before it gets its name; on the same file system as the target. */
  temporaryPath: string;
  signal?: AbortSignal | undefined;
}

/**
 * Creates a file whole or not at all, and never over another: temporary file, fsync, then link(2), which unlike
 * rename(2) refuses a name that is taken. The file is readable by its owner only.
 */
export const createFileAtomically = async (
  path: string,
  data: Uint8Array,
  { temporaryPath, signal }: CreateFileOptions,
): Promise<'created' | 'exists'> => {
  liveTemporaryFiles.add(temporaryPath);
  try {
    const file = await open(temporaryPath, 'wx', 0o600);
    try {
      await file.writeFile(data, { signal });
      await file.sync();
    } finally {
      await file.close();
    }
    const outcome = await link(temporaryPath, path).then(
      () => 'created' as const,
      (error: unknown) => {
        if (isTaken(error)) return 'exists' as const;
        throw error;
      },
    );
    // Also when it exists: whoever created it may have been killed before this.
    await syncFolder(dirname(path));
    return outcome;
  } finally {
    await unlink(temporaryPath).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    liveTemporaryFiles.delete(temporaryPath);
  }
};
