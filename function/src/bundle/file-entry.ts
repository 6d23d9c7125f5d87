import { createHash } from 'node:crypto';

/** Files longer than this list the checksums of their parts, so that a copy can be checked, and healed, part by part. */
export const PART_BYTES = 8 * 1024 * 1024;

/** Whoever reads a manifest holds several parts in memory: it must not claim what is no part. */
export const MAX_PART_BYTES = 64 * 1024 * 1024;

/** What a manifest says of a file of a bundle. */
export interface FileEntry {
  bytes: number;
  /**
   * Of the file; of one with parts, of their checksums, one behind the other: S3 composes them so, and the bytes need
   * not be hashed twice.
   */
  sha256: string;
  /** sha256 of each run of `bytes` bytes, the last one shorter; only where there is more than one. */
  parts?: { bytes: number; sha256: string[] } | undefined;
}

/** What a manifest says of a file with these parts, the only one being the file itself. */
export function fileEntryOf(bytes: number, partSha256: string[], partBytes = PART_BYTES): FileEntry {
  const [only] = partSha256;
  if (partSha256.length > 1) {
    return { bytes, sha256: composeSha256(partSha256), parts: { bytes: partBytes, sha256: partSha256 } };
  }
  return { bytes, sha256: only ?? createHash('sha256').digest('hex') };
}

/** What a manifest says of a file whose bytes are in memory. */
export function describeBytes(bytes: Uint8Array, partBytes = PART_BYTES): FileEntry {
  const sha256: string[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += partBytes) {
    const part = bytes.subarray(offset, offset + partBytes);
    sha256.push(createHash('sha256').update(part).digest('hex'));
  }
  return fileEntryOf(bytes.byteLength, sha256, partBytes);
}

/** Whether an entry's checksum is that of its parts, and they are as many as its bytes make. */
export function isConsistent({ bytes, sha256, parts }: FileEntry): boolean {
  if (parts === undefined) return true;
  return parts.sha256.length === Math.ceil(bytes / parts.bytes) && composeSha256(parts.sha256) === sha256;
}

function composeSha256(sha256: readonly string[]): string {
  return createHash('sha256')
    .update(Buffer.from(sha256.join(''), 'hex'))
    .digest('hex');
}
