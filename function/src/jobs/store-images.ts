import { createHash } from 'node:crypto';
import type { ImageFormat } from '@safelight/sdk/contract';
import type { EncodedImage } from '../engine.ts';
import { CONTENT_TYPES, type ObjectExtension, type ObjectStore } from '../storage/object-store.ts';
import type { StoredImage } from './job-record.ts';

const EXTENSIONS: Record<ImageFormat, ObjectExtension> = { png: 'png', jpeg: 'jpg', webp: 'webp' };

export interface StoreImagesOptions {
  objects: Pick<ObjectStore, 'put' | 'get'>;
  jobId: string;
  format: ImageFormat;
  images: readonly EncodedImage[];
  signal: AbortSignal;
}

const storeImage = async (image: EncodedImage, options: StoreImagesOptions): Promise<StoredImage> => {
  const { objects, jobId, format, signal } = options;
  const extension = EXTENSIONS[format];
  const key = `jobs/${jobId}/${image.index}.${extension}`;
  const outcome = await objects.put(key, image.data, { contentType: CONTENT_TYPES[extension], signal });
  // An earlier attempt stored it and was lost before it could say so. Its bytes are the ones to describe: a GPU may
  // differ from itself in the last bit.
  const stored = outcome === 'exists' ? await objects.get(key, { signal }) : image.data;
  if (stored === undefined) throw new Error('An object that existed is gone');
  const { index, width, height, seed, safety } = image;
  const sha256 = createHash('sha256').update(stored).digest('hex');
  const described = { index, width, height, seed, format, bytes: stored.length, sha256, key };
  return safety === undefined ? described : { ...described, safety };
};

/** Puts a job's pictures under keys that every attempt shares. */
export const storeImages = async (options: StoreImagesOptions): Promise<StoredImage[]> => {
  const stored: StoredImage[] = [];
  for (const image of options.images) {
    options.signal.throwIfAborted();
    stored.push(await storeImage(image, options));
  }
  return stored;
};
