import { FunctionError } from '../errors.ts';

/** Content types by file name extension: all a store ever holds. */
export const CONTENT_TYPES = { png: 'image/png', jpg: 'image/jpeg', webp: 'image/webp' } as const;
export type ObjectExtension = keyof typeof CONTENT_TYPES;

export interface ObjectInfo {
  bytes: number;
  contentType: string;
}

export interface PutOptions {
  contentType: string;
  signal?: AbortSignal;
}

export interface SignOptions {
  expiresInSeconds: number;
  /** Where the caller reached the server, no trailing slash. Stores that serve their objects elsewhere ignore it. */
  baseUrl: string;
}

export interface SignedObjectUrl {
  url: string;
  /** Epoch milliseconds. */
  expiresAt: number;
}

export interface SignUploadOptions extends SignOptions {
  /** What may be sent: nothing else is taken. */
  contentType: string;
  bytes: number;
  /** Of the file, in lower-case hex. */
  sha256: string;
}

/** How to send an object without a key, until the URL expires. */
export interface SignedUpload extends SignedObjectUrl {
  method: 'PUT';
  headers: Record<string, string>;
}

/** Pictures, finished ones and those that callers send, under deterministic keys, written once and never changed. */
export interface ObjectStore {
  /**
   * Create-only and atomic: readers see the whole object or none.
   * @returns `exists` when the key was taken; what is stored then stays as it was.
   * @throws FunctionError `storage_full` (retryable); nothing is left behind.
   */
  put(key: string, data: Uint8Array, options: PutOptions): Promise<'created' | 'exists'>;
  get(key: string, options?: { signal?: AbortSignal }): Promise<Uint8Array | undefined>;
  stat(key: string): Promise<ObjectInfo | undefined>;
  /** A URL that lets anyone who has it read the object until it expires. Never store it: sign when read. */
  sign(key: string, options: SignOptions): Promise<SignedObjectUrl>;
  /** Lets whoever has the URL write this one object, with exactly these bytes. */
  signUpload(key: string, options: SignUploadOptions): Promise<SignedUpload>;
  /** Deleting what is not there is fine. */
  delete(key: string): Promise<void>;
}

// A segment starts with a letter or digit, which rules out '.', '..', hidden files and empty segments.
const KEY_PATTERN = /^(?:[a-z0-9][a-z0-9_-]{0,63}\/){1,4}[a-z0-9][a-z0-9_-]{0,63}\.(png|jpg|webp)$/;

/**
 * Checks a key against the fixed alphabet and says what the object is.
 * @throws FunctionError `invalid_input` for anything else: traversal, absolute paths, unknown extensions.
 */
export const contentTypeOf = (key: string): string => {
  const extension = KEY_PATTERN.exec(key)?.[1];
  if (extension === undefined) throw new FunctionError('invalid_input', 'This is not an object key', { field: 'key' });
  return CONTENT_TYPES[extension as ObjectExtension];
};
