import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { FunctionError } from '../errors.ts';
import { corruptFile } from './corrupt-file.ts';

/** Bytes that are read piece by piece, at any position. */
export interface ByteSource {
  /** What messages call it: no path, which may be a server's secret. */
  readonly name: string;
  readonly size: number;
  /**
   * Fills `target` from `position` on.
   * @throws FunctionError `model_corrupt` when the source ends before.
   */
  read(target: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file for reading.
 * @param name What messages call it. @defaultValue The last part of the path
 * @throws FunctionError `invalid_input` when there is no such file.
 */
export async function openByteSource(path: string, name = basename(path)): Promise<ByteSource> {
  // Asked before it is opened: opening a named pipe would wait for someone to write to it.
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new FunctionError('invalid_input', `There is no file ${name}.`);
  if (!found.isFile()) throw new FunctionError('invalid_input', `${name} is not a file.`);
  const file = await open(path, 'r');
  return {
    name,
    size: found.size,
    read: (target, position) => fill(file, target, position, name),
    close: () => file.close(),
  };
}

/** @throws FunctionError `model_corrupt` when the range is not in the source. */
export async function readBytes(
  source: ByteSource,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (position < 0 || length < 0 || position + length > source.size) {
    throw corruptFile(source.name, 'it was cut short');
  }
  const bytes = allocate(length);
  await source.read(bytes, position);
  return bytes;
}

/** Memory with no promise about what it holds: every byte is about to be written, and zeroes cost a second pass. */
export function allocate(length: number): Uint8Array<ArrayBuffer> {
  const memory = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(memory.buffer, 0, length);
}

async function fill(file: FileHandle, target: Uint8Array, position: number, name: string): Promise<void> {
  let filled = 0;
  while (filled < target.byteLength) {
    const { bytesRead } = await file.read(target, filled, target.byteLength - filled, position + filled);
    if (bytesRead === 0) throw corruptFile(name, 'it ended while it was read');
    filled += bytesRead;
  }
}
