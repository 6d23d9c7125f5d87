import type { UploadInput, UploadTicket, UploadType } from '@safelight/sdk/contract';
import type { ObjectExtension } from '../storage/object-store.ts';
import type { ApiContext } from './api-context.ts';

const EXTENSIONS: Record<UploadType, ObjectExtension> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

/** Lets the caller send one file. Its key tells whose it is, and is the same each time: files are never sent twice. */
export const createUpload = async (context: ApiContext, input: UploadInput): Promise<UploadTicket> => {
  const { services, owner, baseUrl } = context;
  const { contentType, bytes, sha256 } = input;
  const key = `uploads/${owner}/${sha256}.${EXTENSIONS[contentType]}`;
  const { expiresAt, ...signed } = await services.objects.signUpload(key, {
    ...{ contentType, bytes, sha256, baseUrl },
    expiresInSeconds: services.urlSeconds,
  });
  return { key, ...signed, expiresAt: new Date(expiresAt).toISOString() };
};
