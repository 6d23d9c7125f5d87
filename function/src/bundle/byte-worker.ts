/** Does in a thread of its own what it is asked for, in order: each request is answered once it is done. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { ByteRequest } from './byte-threads.ts';

/** Still in the processor's cache when it is hashed. */
const READ_BYTES = 1 << 20;
let chunk: Buffer | undefined;

/** Of what there is of the range, where the file ends before it does. */
function hashRange(fd: number, position: number, length: number): string {
  const hash = createHash('sha256');
  chunk ??= Buffer.allocUnsafeSlow(READ_BYTES);
  for (let hashed = 0; hashed < length; ) {
    const bytesRead = readSync(fd, chunk, 0, Math.min(READ_BYTES, length - hashed), position + hashed);
    if (bytesRead === 0) break;
    hash.update(chunk.subarray(0, bytesRead));
    hashed += bytesRead;
  }
  return hash.digest('hex');
}

function hashFile(path: string): string {
  const fd = openSync(path, 'r');
  try {
    return hashRange(fd, 0, Number.POSITIVE_INFINITY);
  } finally {
    closeSync(fd);
  }
}

function write(bytes: Uint8Array, fd: number, position: number): void {
  for (let written = 0; written < bytes.byteLength; ) {
    written += writeSync(fd, bytes, written, bytes.byteLength - written, position + written);
  }
}

function answer(request: ByteRequest): string | undefined {
  switch (request.kind) {
    case 'hash':
      return createHash('sha256').update(request.bytes).digest('hex');
    case 'hash-range':
      return hashRange(request.fd, request.position, request.length);
    case 'hash-file':
      return hashFile(request.path);
    case 'write':
      return void write(request.bytes, request.fd, request.position);
  }
}

parentPort?.on('message', (request: ByteRequest) => parentPort?.postMessage(answer(request)));
