import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { isTransient, toServiceError } from '../../aws/service-error.ts';
import { withRetries } from '../../transfer/with-retries.ts';
import { contentTypeOf, type ObjectStore } from '../object-store.ts';

export interface S3ObjectStoreOptions {
  client: S3Client;
  bucket: string;
  /** @defaultValue Date.now */
  now?: () => number;
  /** Before the second try; it doubles. @defaultValue 200 */
  retryDelayMs?: number;
}

/** Tries of one request, on top of the client's own. */
const TRIES = 4;

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'NotFound');
/** Somebody stored the object before. */
const isTaken = (error: unknown): boolean => error instanceof Error && error.name === 'PreconditionFailed';

const CHECKSUM_HEADER = 'x-amz-checksum-sha256';

const checkContentType = (key: string, contentType: string): void => {
  if (contentTypeOf(key) !== contentType) throw new TypeError(`The key's extension does not say ${contentType}`);
};

/** Pictures in a bucket. */
export const createS3ObjectStore = (options: S3ObjectStoreOptions): ObjectStore => {
  const { client, bucket, now = Date.now, retryDelayMs = 200 } = options;
  const at = (key: string) => ({ Bucket: bucket, Key: key });

  const patiently = async <Answer>(request: () => Promise<Answer>, signal?: AbortSignal): Promise<Answer> => {
    try {
      // 409: another upload of the same key is under way. Whether it wins is seen the next time.
      return await withRetries(request, { tries: TRIES, delayMs: retryDelayMs, isRetryable: isTransient, signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (isAbsent(error) || isTaken(error)) throw error;
      throw toServiceError(error, 'S3');
    }
  };
  const orAbsent = async <Answer>(request: Promise<Answer>): Promise<Answer | undefined> => {
    try {
      return await request;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  };

  /** A URL dies with the credentials that signed it. */
  const lifetimeSeconds = async (wantedSeconds: number): Promise<number> => {
    const { expiration } = await client.config.credentials();
    if (expiration === undefined) return wantedSeconds;
    return Math.max(1, Math.min(wantedSeconds, Math.floor((expiration.getTime() - now()) / 1000)));
  };

  return {
    async put(key, data, { contentType, signal }) {
      checkContentType(key, contentType);
      const object = { ...at(key), Body: data, ContentType: contentType, CacheControl: 'private', IfNoneMatch: '*' };
      const abort = signal === undefined ? {} : { abortSignal: signal };
      try {
        await patiently(() => client.send(new PutObjectCommand(object), abort), signal);
        return 'created';
      } catch (error) {
        if (isTaken(error)) return 'exists';
        throw error;
      }
    },
    async get(key, { signal } = {}) {
      contentTypeOf(key);
      const abort = signal === undefined ? {} : { abortSignal: signal };
      const read = async () =>
        await (await client.send(new GetObjectCommand(at(key)), abort)).Body?.transformToByteArray();
      return await orAbsent(patiently(read, signal));
    },
    async stat(key) {
      const contentType = contentTypeOf(key);
      const head = await orAbsent(patiently(() => client.send(new HeadObjectCommand(at(key)))));
      return head === undefined ? undefined : { bytes: head.ContentLength ?? 0, contentType };
    },
    async sign(key, { expiresInSeconds }) {
      const contentType = contentTypeOf(key);
      const expiresIn = await lifetimeSeconds(expiresInSeconds);
      // S3 counts from the whole second that the signature names.
      const signedAt = Math.floor(now() / 1000) * 1000;
      const command = new GetObjectCommand({ ...at(key), ResponseContentType: contentType });
      const url = await getSignedUrl(client, command, { expiresIn, signingDate: new Date(signedAt) });
      return { url, expiresAt: signedAt + expiresIn * 1000 };
    },
    async signUpload(key, { contentType, bytes, sha256, expiresInSeconds }) {
      checkContentType(key, contentType);
      const expiresIn = await lifetimeSeconds(expiresInSeconds);
      const signedAt = Math.floor(now() / 1000) * 1000;
      const ChecksumSHA256 = Buffer.from(sha256, 'hex').toString('base64');
      const object = { ...at(key), ContentType: contentType, ContentLength: bytes, ChecksumSHA256 };
      const url = await getSignedUrl(client, new PutObjectCommand(object), {
        expiresIn,
        signingDate: new Date(signedAt),
        // Signed as headers, so that S3 takes no other file. Clients send the length by themselves.
        signableHeaders: new Set(['content-type', 'content-length', CHECKSUM_HEADER]),
        unhoistableHeaders: new Set([CHECKSUM_HEADER]),
      });
      const headers = { 'content-type': contentType, [CHECKSUM_HEADER]: ChecksumSHA256 };
      return { url, method: 'PUT', headers, expiresAt: signedAt + expiresIn * 1000 };
    },
    async delete(key) {
      contentTypeOf(key);
      await patiently(() => client.send(new DeleteObjectCommand(at(key))));
    },
  };
};
