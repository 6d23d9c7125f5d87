import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Long enough that a request for each costs little, short enough that fetching one again does too. */
export const PART_BYTES = 8 * 1024 * 1024;

/** Whoever reads a manifest holds several parts in memory: it must not claim what is no part. */
export const MAX_PART_BYTES = 64 * 1024 * 1024;

/**
 * What a manifest says of a file of a bundle, so that a copy can be checked, and healed, part by part. CRC32 tells
 * damage, as sha256 would at more than twice the time; against forgery neither helps, as whoever can replace a file can
 * replace the manifest beside it.
 */
export interface FileEntry {
  bytes: number;
  /** Length of each part, the last one may be shorter. */
  partBytes: number;
  /** Of each part, eight hexadecimal digits. An empty file has no parts. */
  crc32: string[];
}

/** As a manifest has it. */
export function crc32Hex(bytes: Uint8Array): string {
  return toHex(crc32(bytes));
}

export function toHex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}

/** What a manifest says of a file whose bytes are in memory. */
export function describeBytes(bytes: Uint8Array, partBytes = PART_BYTES): FileEntry {
  const checksums: string[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += partBytes) {
    checksums.push(crc32Hex(bytes.subarray(offset, offset + partBytes)));
  }
  return { bytes: bytes.byteLength, partBytes, crc32: checksums };
}

/** Whether an entry lists as many parts as its bytes make. */
export function isConsistent({ bytes, partBytes, crc32 }: FileEntry): boolean {
  return crc32.length === Math.ceil(bytes / partBytes);
}

/** The checksums of all parts, one behind the other, as bytes. */
export function joinChecksums(entry: Pick<FileEntry, 'crc32'>): Buffer {
  return Buffer.from(entry.crc32.join(''), 'hex');
}

/** Tells files apart that differ, by what a manifest says of them: sha256 of the parts' checksums. */
export function fingerprint(entry: FileEntry): string {
  return createHash('sha256').update(`${entry.bytes} ${entry.partBytes} `).update(joinChecksums(entry)).digest('hex');
}
