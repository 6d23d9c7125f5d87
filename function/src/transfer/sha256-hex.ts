import { webcrypto } from 'node:crypto';

/** Hashes in libuv's threads, so that the one that serves the sockets is left alone. */
export async function sha256Hex(data: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', data)).toString('hex');
}
