import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { FileEntry } from '../bundle/file-entry.ts';

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
 * and how many they are. Undefined where S3 has none, or took the object in other pieces.
 */
function s3ChecksumOf({ sha256, parts }: FileEntry, found: string): string | undefined {
  if (found === '' || found.includes('-') !== (parts !== undefined)) return undefined;
  return parts === undefined ? toBase64(sha256) : `${toBase64(sha256)}-${parts.sha256.length}`;
}
