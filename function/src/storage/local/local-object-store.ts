import { chmod, type FileHandle, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { isDiskFull } from '../../disk-errors.ts';
import { FunctionError } from '../../errors.ts';
import { contentTypeOf, type ObjectInfo, type ObjectStore } from '../object-store.ts';
import { createFileAtomically, isMissing, temporaryName } from './atomic-file.ts';
import { sweepLeftovers } from './sweep.ts';
import { createUrlSigner, type Grant, loadSigningSecret, type UrlSigner } from './url-signer.ts';

export interface LocalObjectStoreOptions {
  /** Holds `objects/` and the signing secret; created, and closed to other users. */
  dataDir: string;
  /** @defaultValue Date.now */
  now?: () => number;
}

/** An object being read. Whoever opened it must consume or destroy the stream. */
export interface OpenObject extends ObjectInfo {
  stream: Readable;
}

/** A folder of objects, which the server itself hands out at `/objects/<key>`. */
export interface LocalObjectStore extends ObjectStore {
  /** @throws FunctionError `forbidden` when the URL expired or was changed. */
  verify(grant: Grant, query: { expires: string; signature: string }): void;
  /** @returns `undefined` when there is no such object. */
  open(key: string): Promise<OpenObject | undefined>;
}

const orMissing = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

const storageFull = (cause: unknown) =>
  new FunctionError('storage_full', 'The server has no room left for pictures: free some space on its disk', {
    isRetryable: true,
    cause,
  });

const verifyUrl = (signer: UrlSigner, grant: Grant, query: { expires: string; signature: string }): void => {
  if (signer.verify(grant, query.expires, query.signature)) return;
  const procedure = grant.method === 'GET' ? 'images.sign' : 'uploads.create';
  throw new FunctionError('forbidden', `This link has expired or was changed: ask for a new one with ${procedure}`);
};

const checkContentType = (key: string, contentType: string): void => {
  if (contentTypeOf(key) !== contentType) throw new TypeError(`The key's extension does not say ${contentType}`);
};

/** Opens the folder, removes what killed processes left behind, and loads or creates the signing secret. */
export const createLocalObjectStore = async ({
  dataDir,
  now = Date.now,
}: LocalObjectStoreOptions): Promise<LocalObjectStore> => {
  const root = join(dataDir, 'objects');
  // One folder for all temporary files, hidden from keys: a sweep need not walk the jobs.
  const incoming = join(root, '.incoming');
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await Promise.all([dataDir, root, incoming].map((folder) => chmod(folder, 0o700)));
  await sweepLeftovers(incoming);
  await sweepLeftovers(dataDir);
  const signer = createUrlSigner(await loadSigningSecret(dataDir), now);
  const pathOf = (key: string) => join(root, ...key.split('/'));

  return {
    async put(key, data, { contentType, signal }) {
      checkContentType(key, contentType);
      signal?.throwIfAborted();
      try {
        await mkdir(dirname(pathOf(key)), { recursive: true, mode: 0o700 });
        return await createFileAtomically(pathOf(key), data, {
          temporaryPath: join(incoming, temporaryName()),
          signal,
        });
      } catch (error) {
        signal?.throwIfAborted();
        throw isDiskFull(error) ? storageFull(error) : error;
      }
    },
    async get(key, { signal } = {}) {
      contentTypeOf(key);
      return await orMissing(readFile(pathOf(key), { signal }));
    },
    async stat(key) {
      const contentType = contentTypeOf(key);
      const info = await orMissing(stat(pathOf(key)));
      return info?.isFile() ? { bytes: info.size, contentType } : undefined;
    },
    async open(key) {
      const contentType = contentTypeOf(key);
      const file = await orMissing<FileHandle>(open(pathOf(key), 'r'));
      if (file === undefined) return undefined;
      const { size } = await file.stat();
      // The stream closes the file, whether it ends or is destroyed.
      return { bytes: size, contentType, stream: file.createReadStream() };
    },
    async sign(key, { expiresInSeconds, baseUrl }) {
      contentTypeOf(key);
      const expires = Math.floor(now() / 1000) + expiresInSeconds;
      const signature = signer.sign({ method: 'GET', key }, expires);
      const query = new URLSearchParams({ expires: String(expires), signature });
      return { url: `${baseUrl}/objects/${key}?${query}`, expiresAt: expires * 1000 };
    },
    async signUpload(key, { contentType, bytes, sha256, expiresInSeconds, baseUrl }) {
      checkContentType(key, contentType);
      const expires = Math.floor(now() / 1000) + expiresInSeconds;
      const signature = signer.sign({ method: 'PUT', key, bytes, sha256 }, expires);
      const query = new URLSearchParams({ bytes: String(bytes), sha256, expires: String(expires), signature });
      const headers = { 'content-type': contentType };
      return { url: `${baseUrl}/objects/${key}?${query}`, method: 'PUT', headers, expiresAt: expires * 1000 };
    },
    verify: (grant, query) => verifyUrl(signer, grant, query),
    async delete(key) {
      contentTypeOf(key);
      await rm(pathOf(key), { force: true });
    },
  };
};
