import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isLiveTemporaryFile, isMissing, TEMPORARY_NAME } from './atomic-file.ts';

const isProcessAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

const isLeftover = (path: string, name: string): boolean => {
  const pid = Number(TEMPORARY_NAME.exec(name)?.[1] ?? Number.NaN);
  if (Number.isNaN(pid)) return false;
  // A container's server has the same process id in every life, so its own id says nothing.
  return pid === process.pid ? !isLiveTemporaryFile(path) : !isProcessAlive(pid);
};

/**
 * Removes the temporary files of processes that were killed while writing.
 * @returns how many there were.
 */
export const sweepLeftovers = async (folder: string): Promise<number> => {
  let swept = 0;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!isLeftover(path, name)) continue;
    await unlink(path).then(
      () => swept++,
      // Another process swept it at the same time.
      (error: unknown) => {
        if (!isMissing(error)) throw error;
      },
    );
  }
  return swept;
};
