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
  /** Absent where the manifest only knows the whole file's. */
  sha256: string | undefined;
}

/** Cuts a file into parts: those whose checksums the manifest lists, else of `partBytes`. An empty file has none. */
export function planParts(file: string, entry: FileEntry, partBytes: number): FilePart[] {
  const size = entry.parts?.bytes ?? partBytes;
  const count = Math.ceil(entry.bytes / size);
  return Array.from({ length: count }, (_, index) => ({
    file,
    index,
    count,
    offset: index * size,
    length: Math.min(size, entry.bytes - index * size),
    sha256: entry.parts?.sha256[index] ?? (count === 1 ? entry.sha256 : undefined),
  }));
}
