import { writev } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import type { ByteThreads } from '../bundle/byte-threads.ts';
import { type FileEntry, toHex } from '../bundle/file-entry.ts';
import { hasErrorCode } from '../disk-errors.ts';
import { type FilePart, planParts } from './plan-parts.ts';

/** Takes the bytes of a part as they arrive, in order, and writes and sums them up while they are in the processor's cache. */
export interface PartWriter {
  add(chunk: Uint8Array): void;
  /** Nothing is written any more when this settles. @returns the checksum of all that was added. */
  finish(): Promise<string>;
}

/** A file that grows part by part, in any order, at its full length from the start. */
export interface IncomingFile {
  readonly name: string;
  readonly path: string;
  readonly entry: FileEntry;
  readonly parts: readonly FilePart[];
  /** Whether an earlier pull, or copy, left the part here as it should be. */
  holds(part: FilePart): Promise<boolean>;
  /** Begins to write a part from its start. */
  writePart(part: FilePart): PartWriter;
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

  return {
    name,
    path,
    entry,
    parts,
    async holds({ offset, length, crc32 }) {
      return bytesBefore > offset && (await threads.crc32OfRange(file.fd, offset, length)) === crc32;
    },
    writePart: ({ offset }) => startPartWriter(file.fd, offset),
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

/**
 * More at once would make Linux take large blocks of memory for them, which virtual machines may have to fetch from their
 * host.
 */
const CHUNKS_AT_ONCE = 2;

export function startPartWriter(fd: number, offset: number): PartWriter {
  const waiting: Uint8Array[] = [];
  let checksum = 0;
  let position = offset;
  let writing: Promise<void> | undefined;
  const writeWaiting = async () => {
    while (waiting.length > 0) {
      const chunks = waiting.splice(0, CHUNKS_AT_ONCE);
      await writeAll(fd, chunks, position);
      for (const { byteLength } of chunks) position += byteLength;
    }
    writing = undefined;
  };
  return {
    add(chunk) {
      checksum = crc32(chunk, checksum);
      waiting.push(chunk);
      if (writing !== undefined) return;
      writing = writeWaiting();
      writing.catch(() => undefined); // Heard at the end.
    },
    async finish() {
      await writing;
      return toHex(checksum);
    },
  };
}

const writeChunks = promisify(writev);

/** The system may take less than it is given. */
async function writeAll(fd: number, chunks: readonly Uint8Array[], position: number): Promise<void> {
  const total = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const { bytesWritten } = await writeChunks(fd, chunks, position);
  if (bytesWritten === total) return;
  await writeAll(fd, [Buffer.concat(chunks).subarray(bytesWritten)], position + bytesWritten);
}
