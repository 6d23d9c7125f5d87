import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { MANIFEST_FILE, type Manifest, manifestSchema } from '../bundle/manifest.ts';
import { FunctionError } from '../errors.ts';
import { explainS3Error, isTransientS3Error } from './explain-s3-error.ts';
import { objectKey, type S3Location, s3Uri } from './s3-location.ts';
import { withRetries } from './with-retries.ts';

/** Far above any real manifest: 4 GB in parts of 8 MiB are 40 kB. */
const MAX_MANIFEST_BYTES = 16 << 20;

export interface ReadRemoteManifestParams extends S3Location {
  client: S3Client;
  tries?: number | undefined;
  retryDelayMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface RemoteManifest {
  manifest: Manifest;
  /** As it lies there: it is copied byte for byte. */
  bytes: Uint8Array;
}

/**
 * Reads the manifest of a bundle in S3: what the bundle holds, its licence and use restrictions.
 * @throws FunctionError `model_not_found` where there is no bundle, `model_corrupt` where there is one that this version
 * cannot read, `not_found` (no such bucket), `forbidden`, `unauthorized`, `unavailable`.
 */
export async function readRemoteManifest(params: ReadRemoteManifestParams): Promise<RemoteManifest> {
  const { client, bucket, prefix, tries = 4, retryDelayMs = 200, signal } = params;
  const key = objectKey(prefix, MANIFEST_FILE);
  const get = async () => {
    const options = signal === undefined ? {} : { abortSignal: signal };
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), options);
    if ((answer.ContentLength ?? 0) > MAX_MANIFEST_BYTES) throw unreadable(bucket, key);
    return answer.Body?.transformToByteArray() ?? new Uint8Array();
  };
  const retries = { tries, delayMs: retryDelayMs, isRetryable: isTransientS3Error, signal };
  const bytes = await withRetries(get, retries).catch((error: unknown) => {
    signal?.throwIfAborted();
    if (error instanceof Error && error.name === 'NoSuchKey') {
      const problem = `There is no bundle at ${s3Uri(bucket, prefix)}: it has no ${MANIFEST_FILE}`;
      throw new FunctionError('model_not_found', `${problem}, or its push has not ended yet.`);
    }
    throw explainS3Error(error, { bucket, key, permission: 's3:GetObject' });
  });
  return { manifest: parseManifest(bytes, bucket, key), bytes };
}

function parseManifest(bytes: Uint8Array, bucket: string, key: string): Manifest {
  try {
    const manifest = manifestSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    if (Object.hasOwn(manifest.files, MANIFEST_FILE)) throw new Error('The manifest lists itself');
    return manifest;
  } catch (cause) {
    throw unreadable(bucket, key, cause);
  }
}

function unreadable(bucket: string, key: string, cause?: unknown): FunctionError {
  const message = `${s3Uri(bucket, key)} is not a manifest of this version: compile the model again and push it.`;
  return new FunctionError('model_corrupt', message, { cause });
}
