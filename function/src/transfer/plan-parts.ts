import type { FileEntry } from '../bundle/file-entry.ts';

/** A run of a file's bytes that travels, and is checked, by itself. */
export interface FilePart {
  file: string;
  /** From 0. */
  index: number;
  /** How many parts the file has. */
  count: number;
  offset: number;
  length: number;
  crc32: string;
}

/** Cuts a file into the parts whose checksums the manifest lists. An empty file has none. */
export function planParts(file: string, { bytes, partBytes, crc32 }: FileEntry): FilePart[] {
  return crc32.map((checksum, index) => ({
    file,
    index,
    count: crc32.length,
    offset: index * partBytes,
    length: Math.min(partBytes, bytes - index * partBytes),
    crc32: checksum,
  }));
}
