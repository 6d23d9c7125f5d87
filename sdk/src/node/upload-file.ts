import { createReadStream } from 'node:fs';
import type { CallOptions } from '../call-options.ts';
import type { Safelight } from '../safelight.ts';
import type { Upload } from '../uploads/upload.ts';

/**
 * Sends a picture from a file: see `upload` of the client.
 * @throws what `upload` and the file system throw.
 */
export async function uploadFile(
  client: Pick<Safelight, 'upload'>,
  path: string | URL,
  options?: CallOptions,
): Promise<Upload> {
  return client.upload(createReadStream(path) as AsyncIterable<Uint8Array>, options);
}
