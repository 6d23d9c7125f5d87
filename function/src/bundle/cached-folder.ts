import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { explainDiskError, hasErrorCode } from '../disk-errors.ts';
import { FunctionError } from '../errors.ts';
import { type Bundle, openBundle } from './open-bundle.ts';

/** A half-made bundle older than this belongs to a process that was killed. */
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

export interface CachedFolderOptions {
  cacheDir: string;
  /** Of the bundle, inside the cache; says all that it is made from. */
  name: string;
  /** Writes the bundle into a folder that does not exist yet. */
  make(unfinished: string): Promise<void>;
}

/**
 * Opens a bundle of the cache, and makes it first where it is missing or damaged. A bundle is made under a name of its own
 * and then renamed, so that a kill leaves nothing half-made behind that looks whole, and of two processes that start at
 * once the second to finish takes the first one's.
 * @throws FunctionError `storage_full` when the disk is; what `make` throws.
 */
export async function openCachedFolder({ cacheDir, name, make }: CachedFolderOptions): Promise<Bundle> {
  const folder = join(cacheDir, name);
  if (await exists(folder)) {
    try {
      return await openBundle(folder);
    } catch (error) {
      if (!(error instanceof FunctionError) || error.code !== 'model_corrupt') throw error;
      await discard(folder);
    }
  }
  await makeInto(folder, cacheDir, make);
  return openBundle(folder);
}

async function makeInto(folder: string, cacheDir: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = temporaryName(folder);
  try {
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
    await removeAbandoned(cacheDir);
    await make(unfinished);
    await moveInto(folder, unfinished);
  } catch (error) {
    // What went wrong first is what counts, not that cleaning up failed too.
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
    throw explainDiskError(error, cacheDir, 'set SAFELIGHT_CACHE_DIR to a folder elsewhere');
  }
}

/** Gives the bundle its name, unless another process was faster: its bundle has the same bytes. */
async function moveInto(folder: string, unfinished: string): Promise<void> {
  try {
    await rename(unfinished, folder);
  } catch (error) {
    if (!hasErrorCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    await rm(unfinished, { recursive: true, force: true });
  }
}

function temporaryName(folder: string): string {
  return `${folder}.${randomBytes(6).toString('hex')}.tmp`;
}

/** Renamed first, so that no other process opens it while it is being removed. */
export async function discard(folder: string): Promise<void> {
  const trash = temporaryName(folder);
  try {
    await rename(folder, trash);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return;
    throw error;
  }
  await rm(trash, { recursive: true, force: true });
}

async function removeAbandoned(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.endsWith('.tmp')) continue;
    const path = join(cacheDir, name);
    const changed = await stat(path).then(
      (found) => found.mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (Date.now() - changed > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
