import { createHash } from 'node:crypto';
import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { FileEntry } from '../bundle/manifest.ts';

export interface HasRemoteCopyParams {
  client: S3Client;
  bucket: string;
  key: string;
  entry: FileEntry;
  signal: AbortSignal;
}

/** Where a store computes no checksums, what a push wrote beside the object is believed. */
export const SHA256_METADATA = 'sha256';

/**
 * Whether the object has the file's bytes, by the checksum that S3 computed from them when they were uploaded.
 * @throws what the S3 client throws; an object that is not there is no error.
 */
export async function hasRemoteCopy({ client, bucket, key, entry, signal }: HasRemoteCopyParams): Promise<boolean> {
  const command = new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' });
  const head = await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'NotFound') return undefined;
    throw error;
  });
  if (head === undefined || head.ContentLength !== entry.bytes) return false;
  const expected = s3ChecksumOf(entry, head.ChecksumSHA256 ?? '');
  if (expected !== undefined) return head.ChecksumSHA256 === expected;
  return head.Metadata?.[SHA256_METADATA] === entry.sha256;
}

/** Hexadecimal to base64, as S3 writes checksums. */
export function toBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

/**
 * What S3's `ChecksumSHA256` should be: the file's, or, for an object that came in parts, that of the parts' checksums
 * and how many they are. Undefined where S3 has none, or the parts' are not known.
 */
function s3ChecksumOf(entry: FileEntry, found: string): string | undefined {
  if (found === '') return undefined;
  if (!found.includes('-')) return toBase64(entry.sha256);
  if (entry.parts === undefined) return undefined;
  const digests = Buffer.concat(entry.parts.sha256.map((sha256) => Buffer.from(sha256, 'hex')));
  return `${createHash('sha256').update(digests).digest('base64')}-${entry.parts.sha256.length}`;
}
