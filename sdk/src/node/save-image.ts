import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CallOptions } from '../call-options.ts';
import type { ImageRef } from '../images/images.ts';
import type { Safelight } from '../safelight.ts';

/**
 * Saves a picture to a file, over any that is there; folders are made as needed. The file appears whole or not at all.
 *
 * @param client - what `createSafelight` made.
 * @param path - with the extension that you want: it does not change the format.
 * @throws whatever `images.arrayBuffer` and the file system throw.
 * @example
 * await saveImage(safelight, images[0], 'pictures/circle.png');
 */
export async function saveImage(
  client: Pick<Safelight, 'images'>,
  image: ImageRef,
  path: string,
  options?: CallOptions,
): Promise<void> {
  const data = new Uint8Array(await client.images.arrayBuffer(image, options));
  await mkdir(dirname(path), { recursive: true });
  const temporaryPath = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporaryPath, data, { flag: 'wx' });
    await rename(temporaryPath, path);
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw error;
  }
}
