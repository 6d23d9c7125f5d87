import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FunctionError } from '../../errors.ts';
import { createFileAtomically, isMissing, temporaryName } from './atomic-file.ts';

const SECRET_BYTES = 32;

/** What a URL allows: reading an object, or writing it with the very bytes that were announced. */
export type Grant = { method: 'GET'; key: string } | { method: 'PUT'; key: string; bytes: number; sha256: string };

/** Signs and checks object URLs. */
export interface UrlSigner {
  /** @param expires epoch seconds */
  sign(grant: Grant, expires: number): string;
  /** Whether the signature was made for this grant and expiry and the time has not come yet. */
  verify(grant: Grant, expires: string, signature: string): boolean;
}

const linesOf = (grant: Grant): string =>
  grant.method === 'GET' ? `GET\n${grant.key}` : `PUT\n${grant.key}\n${grant.bytes}\n${grant.sha256}`;

/** HMAC-SHA256 over all that is granted and the expiry: a URL opens nothing else and cannot be prolonged. */
export const createUrlSigner = (secret: Uint8Array, now: () => number = Date.now): UrlSigner => {
  const digest = (grant: Grant, expires: string) =>
    createHmac('sha256', secret)
      .update(`${linesOf(grant)}\n${expires}`)
      .digest();
  return {
    sign: (grant, expires) => digest(grant, String(expires)).toString('base64url'),
    verify(grant, expires, signature) {
      const given = Buffer.from(signature, 'base64url');
      const expected = digest(grant, expires);
      const isGenuine = given.length === expected.length && timingSafeEqual(given, expected);
      return isGenuine && /^\d{1,12}$/.test(expires) && now() < Number(expires) * 1000;
    },
  };
};

const read = (path: string): Promise<Uint8Array | undefined> =>
  readFile(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });

/**
 * The folder's secret, created on first use. Two processes may do so at once: one of them wins and both use its secret.
 * @throws FunctionError `unavailable` when the file is not a secret.
 */
export const loadSigningSecret = async (folder: string): Promise<Uint8Array> => {
  const path = join(folder, 'url-secret');
  let secret = await read(path);
  if (secret === undefined) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await createFileAtomically(path, randomBytes(SECRET_BYTES), {
      temporaryPath: join(folder, temporaryName()),
    });
    secret = await read(path);
  }
  if (secret?.length !== SECRET_BYTES)
    throw new FunctionError(
      'unavailable',
      'The file url-secret in the data folder is damaged: delete it and start again',
    );
  // A copied or restored folder may have lost the mode.
  await chmod(path, 0o600);
  return secret;
};
