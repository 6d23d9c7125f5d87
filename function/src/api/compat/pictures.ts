import { MAX_UPLOAD_BYTES } from '@safelight/sdk/contract';
import type { ObjectExtension } from '../../storage/object-store.ts';
import type { ApiContext } from '../api-context.ts';
import { storeUpload } from '../upload-procedures.ts';
import { invalidField } from './compat-input.ts';

/** The kind of a file, by its first bytes read as Latin-1. */
const extensionOf = (start: string): ObjectExtension | undefined => {
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (start.startsWith('\xff\xd8\xff')) return 'jpg';
  return start.startsWith('RIFF') && start.startsWith('WEBP', 8) ? 'webp' : undefined;
};

export type PictureField = 'initImage' | 'mask';

/**
 * Keeps a picture that came within a request.
 * @returns the key of its upload.
 * @throws FunctionError `invalid_input` naming the field, for what is no picture or too large.
 */
export const keepPicture = async (context: ApiContext, data: Uint8Array, field: PictureField): Promise<string> => {
  if (data.length > MAX_UPLOAD_BYTES)
    throw invalidField(field, `${field} is larger than ${MAX_UPLOAD_BYTES / 2 ** 20} MiB: make it smaller`);
  const extension = extensionOf(Buffer.from(data.subarray(0, 16)).toString('latin1'));
  if (extension === undefined) throw invalidField(field, `${field} is not a PNG, JPEG or WebP file`);
  return await storeUpload(context, data, extension);
};

/** A file as text. */
export const toBase64 = (data: Uint8Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64');

/**
 * The bytes behind base64, with or without `data:…;base64,` before it.
 * @throws FunctionError `invalid_input` naming the field.
 */
export const decodeBase64 = (text: unknown, field: string): Uint8Array => {
  if (typeof text !== 'string') throw invalidField(field, `${field} must be a picture in base64`);
  if (/^https?:/i.test(text)) throw invalidField(field, `${field} is an address: send the picture itself, in base64`);
  const encoded = /^data:[^,]{0,100},/i.exec(text);
  return Buffer.from(encoded === null ? text : text.slice(encoded[0].length), 'base64');
};
