import { createHash } from 'node:crypto';
import type { UploadInput, UploadTicket, UploadType } from '@safelight/sdk/contract';
import { CONTENT_TYPES, type ObjectExtension } from '../storage/object-store.ts';
import type { ApiContext } from './api-context.ts';

const EXTENSIONS: Record<UploadType, ObjectExtension> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

const keyOf = (owner: string, sha256: string, extension: ObjectExtension): string =>
  `uploads/${owner}/${sha256}.${extension}`;

/** Lets the caller send one file. Its key tells whose it is, and is the same each time: files are never sent twice. */
export const createUpload = async (context: ApiContext, input: UploadInput): Promise<UploadTicket> => {
  const { services, owner, baseUrl } = context;
  const { contentType, bytes, sha256 } = input;
  const key = keyOf(owner, sha256, EXTENSIONS[contentType]);
  const { expiresAt, ...signed } = await services.objects.signUpload(key, {
    ...{ contentType, bytes, sha256, baseUrl },
    expiresInSeconds: services.urlSeconds,
  });
  return { key, ...signed, expiresAt: new Date(expiresAt).toISOString() };
};

/**
 * Keeps a picture that came within a request, as if the caller had uploaded it.
 * @returns its key, as `uploads.create` would have given it.
 */
export const storeUpload = async (
  { services, owner }: ApiContext,
  data: Uint8Array,
  extension: ObjectExtension,
): Promise<string> => {
  const key = keyOf(owner, createHash('sha256').update(data).digest('hex'), extension);
  await services.objects.put(key, data, { contentType: CONTENT_TYPES[extension] });
  return key;
};
