import { type FileHandle, open } from 'node:fs/promises';
import type { ByteThreads } from '../bundle/byte-threads.ts';
import type { FileEntry } from '../bundle/file-entry.ts';
import { hasErrorCode } from '../disk-errors.ts';
import { type FilePart, planParts } from './plan-parts.ts';

/** A file that grows part by part, in any order, at its full length from the start. */
export interface IncomingFile {
  readonly name: string;
  readonly path: string;
  readonly entry: FileEntry;
  readonly parts: readonly FilePart[];
  /** Whether an earlier pull, or copy, left the part here as it should be. */
  holds(part: FilePart): Promise<boolean>;
  /**
   * @param chunks The part's bytes, in order.
   * @returns The checksum of what the file has then.
   */
  write(part: FilePart, chunks: readonly Uint8Array[]): Promise<string>;
  /** Marks a part as here, and says whether it was the last one that was missing. */
  settle(part: FilePart): boolean;
  /** @param isDurable Wait until it is on the disk and not only on its way. */
  close(isDurable: boolean): Promise<void>;
}

export interface OpenIncomingFileParams {
  name: string;
  path: string;
  entry: FileEntry;
  threads: ByteThreads;
}

/** Opens the file an earlier pull left, or a new one, and gives it its full length. */
export async function openIncomingFile({ name, path, entry, threads }: OpenIncomingFileParams): Promise<IncomingFile> {
  const parts = planParts(name, entry);
  const missing = new Set(parts.map((part) => part.index));
  const { file, bytesBefore } = await openOrCreate(path);
  if (bytesBefore !== entry.bytes) await file.truncate(entry.bytes);
  const checksumOf = ({ offset, length }: FilePart) => threads.crc32OfRange(file.fd, offset, length);

  return {
    name,
    path,
    entry,
    parts,
    holds: async (part) => bytesBefore > part.offset && (await checksumOf(part)) === part.crc32,
    async write(part, chunks) {
      await writeAll(file, chunks, part.offset);
      return checksumOf(part);
    },
    settle(part) {
      return missing.delete(part.index) && missing.size === 0;
    },
    async close(isDurable) {
      try {
        if (isDurable) await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}

async function openOrCreate(path: string): Promise<{ file: FileHandle; bytesBefore: number }> {
  try {
    const file = await open(path, 'r+');
    return { file, bytesBefore: (await file.stat()).size };
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT')) throw error;
    return { file: await open(path, 'wx+', 0o600), bytesBefore: 0 };
  }
}

/** The system takes 1024 pieces at once, and may take less than it is given. */
const PIECES_AT_ONCE = 1024;

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  for (let first = 0; first < chunks.length; first += PIECES_AT_ONCE) {
    const pieces = chunks.slice(first, first + PIECES_AT_ONCE);
    const bytes = pieces.reduce((total, { byteLength }) => total + byteLength, 0);
    let { bytesWritten } = await file.writev(pieces, position);
    if (bytesWritten < bytes) {
      const data = Buffer.concat(pieces);
      while (bytesWritten < bytes) {
        bytesWritten += (await file.write(data, bytesWritten, bytes - bytesWritten, position + bytesWritten))
          .bytesWritten;
      }
    }
    position += bytes;
  }
}
