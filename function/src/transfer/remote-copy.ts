import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { crc32Hex, type FileEntry, fingerprint, joinChecksums } from '../bundle/file-entry.ts';

export interface HasRemoteCopyParams {
  client: S3Client;
  bucket: string;
  key: string;
  entry: FileEntry;
  signal: AbortSignal;
}

/** S3's checksum has 32 bits, of many parts as of one: what a push writes beside the object says more. */
const FINGERPRINT = 'fingerprint';

export function fingerprintMetadata(entry: FileEntry): Record<string, string> {
  return { [FINGERPRINT]: fingerprint(entry) };
}

/**
 * Whether the object has the file's bytes, by the checksum that S3 computed from them when they were uploaded, where
 * the store computes one, and by what a push wrote beside it, where one did.
 * @throws what the S3 client throws; an object that is not there is no error.
 */
export async function hasRemoteCopy({ client, bucket, key, entry, signal }: HasRemoteCopyParams): Promise<boolean> {
  const command = new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' });
  const head = await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'NotFound') return undefined;
    throw error;
  });
  if (head === undefined || head.ContentLength !== entry.bytes) return false;
  const pushed = head.Metadata?.[FINGERPRINT];
  if (pushed !== undefined && pushed !== fingerprint(entry)) return false;
  return head.ChecksumCRC32 === undefined ? pushed !== undefined : head.ChecksumCRC32 === s3ChecksumOf(entry);
}

/** Hexadecimal to base64, as S3 writes checksums. */
export function toBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

/** As S3 has it: the object's, or, of one that came in parts, that of the parts' checksums and how many they are. */
function s3ChecksumOf(entry: FileEntry): string {
  const { length } = entry.crc32;
  if (length > 1) return `${toBase64(crc32Hex(joinChecksums(entry)))}-${length}`;
  return toBase64(entry.crc32[0] ?? crc32Hex(new Uint8Array()));
}
