/** Does in a thread of its own what it is asked for, in order: each request is answered once it is done. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import type { ByteRequest } from './byte-threads.ts';
import { crc32Hex, toHex } from './file-entry.ts';

/** Still in the processor's cache when its checksum is computed. */
const READ_BYTES = 1 << 20;
let chunk: Buffer | undefined;

/** Hands on what there is of the range, where the file ends before it does. */
function readRange(fd: number, position: number, length: number, onChunk: (bytes: Buffer) => void): void {
  chunk ??= Buffer.allocUnsafeSlow(READ_BYTES);
  for (let read = 0; read < length; ) {
    const bytesRead = readSync(fd, chunk, 0, Math.min(READ_BYTES, length - read), position + read);
    if (bytesRead === 0) break;
    onChunk(chunk.subarray(0, bytesRead));
    read += bytesRead;
  }
}

function crc32OfRange(fd: number, position: number, length: number): string {
  let checksum = 0;
  readRange(fd, position, length, (bytes) => {
    checksum = crc32(bytes, checksum);
  });
  return toHex(checksum);
}

function sha256OfRange(fd: number, position: number, length: number): string {
  const hash = createHash('sha256');
  readRange(fd, position, length, (bytes) => hash.update(bytes));
  return hash.digest('hex');
}

function sha256OfFile(path: string): string {
  const fd = openSync(path, 'r');
  try {
    return sha256OfRange(fd, 0, Number.POSITIVE_INFINITY);
  } finally {
    closeSync(fd);
  }
}

/**
 * Linux puts what is written at once into as large a block of memory as fits. On virtual machines whose host takes free
 * memory back, such blocks have to be fetched from it again: 8 MiB at once take four to six times as long as 64 KiB.
 */
const WRITE_BYTES = 64 * 1024;

function write(bytes: Uint8Array, fd: number, position: number): void {
  for (let written = 0; written < bytes.byteLength; ) {
    const length = Math.min(WRITE_BYTES, bytes.byteLength - written);
    written += writeSync(fd, bytes, written, length, position + written);
  }
}

function answer(request: ByteRequest): string | undefined {
  switch (request.kind) {
    case 'crc32':
      return crc32Hex(request.bytes);
    case 'crc32-range':
      return crc32OfRange(request.fd, request.position, request.length);
    case 'sha256-range':
      return sha256OfRange(request.fd, request.position, request.length);
    case 'sha256-file':
      return sha256OfFile(request.path);
    case 'write':
      return void write(request.bytes, request.fd, request.position);
  }
}

parentPort?.on('message', (request: ByteRequest) => parentPort?.postMessage(answer(request)));
