import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fingerprint } from '../bundle/file-entry.ts';
import { MANIFEST_FILE, type Manifest, manifestSchema } from '../bundle/manifest.ts';
import { readFileStates, recordVerified } from '../bundle/verified-states.ts';
import { hasErrorCode } from '../disk-errors.ts';
import { FunctionError } from '../errors.ts';
import type { RemoteManifest } from './read-remote-manifest.ts';

/** Whether the folder holds the bundle, by its manifest and the lengths of its files; checksums are `openBundle`'s. */
export async function isWholeCopy(folder: string, remote: RemoteManifest): Promise<boolean> {
  const local = await readFile(join(folder, MANIFEST_FILE)).catch(() => undefined);
  if (local === undefined || !local.equals(remote.bytes)) return false;
  return readFileStates(folder, remote.manifest).then(
    () => true,
    (error: unknown) => {
      if (error instanceof FunctionError) return false;
      throw error;
    },
  );
}

/** @throws FunctionError `conflict` when the folder holds something that is no bundle, which a pull would replace. */
export async function refuseForeignFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (hasErrorCode(error, 'ENOENT')) return [];
    throw error;
  });
  if (names.length === 0 || names.includes(MANIFEST_FILE)) return;
  throw new FunctionError('conflict', `${folder} holds other files and no bundle: choose another folder.`);
}

export interface AdoptFilesParams {
  /** A folder with another version of the bundle, or a damaged one; it need not exist. */
  from: string;
  to: string;
  manifest: Manifest;
}

/** Links files that an older copy should have in common with the new one: their bytes are checked, not fetched. */
export async function adoptFiles({ from, to, manifest }: AdoptFilesParams): Promise<void> {
  const old = await readFile(join(from, MANIFEST_FILE), 'utf8').then(
    (text) => manifestSchema.safeParse(parseJson(text)).data,
    () => undefined,
  );
  for (const [name, entry] of Object.entries(manifest.files)) {
    const oldEntry = old?.files[name];
    if (oldEntry === undefined || fingerprint(oldEntry) !== fingerprint(entry)) continue;
    // Where it is there already, or links are not possible, the bytes are fetched.
    await link(join(from, name), join(to, name)).catch(() => undefined);
  }
}

/** Bytes that the folder already takes up on the disk. */
export async function storedBytes(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).blocks * 512));
  return sizes.reduce((total, bytes) => total + bytes, 0);
}

export interface PublishParams {
  /** Holds all the files, checked. */
  partial: string;
  folder: string;
  remote: RemoteManifest;
}

/** Adds the manifest and gives the folder its name. An older version under that name makes way. */
export async function publish({ partial, folder, remote }: PublishParams): Promise<void> {
  for (const name of await readdir(partial)) {
    if (!Object.hasOwn(remote.manifest.files, name)) await rm(join(partial, name), { recursive: true, force: true });
  }
  await recordVerified(partial, remote.manifest);
  const manifest = await open(join(partial, MANIFEST_FILE), 'wx', 0o600);
  try {
    await manifest.writeFile(remote.bytes);
    await manifest.sync();
  } finally {
    await manifest.close();
  }
  const old = `${folder}.${randomBytes(6).toString('hex')}.old`;
  const isReplaced = await rmdir(folder).then(
    () => false,
    (error: unknown) => hasErrorCode(error, 'ENOTEMPTY', 'EEXIST'),
  );
  if (isReplaced) await rename(folder, old);
  await rename(partial, folder);
  await removeOldCopies(folder);
}

/** Removes what a killed pull could not. */
async function removeOldCopies(folder: string): Promise<void> {
  const pattern = /^\.[0-9a-f]{12}\.old$/;
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(basename(folder)) || !pattern.test(name.slice(basename(folder).length))) continue;
    await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
