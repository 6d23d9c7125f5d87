/** Hashes the files it is given, in order, in a thread of its own: a checkpoint is hashed while it is compiled. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const CHUNK_BYTES = 4 << 20;
const chunk = Buffer.allocUnsafe(CHUNK_BYTES);

function hashFile(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    for (;;) {
      const length = readSync(file, chunk, 0, CHUNK_BYTES, null);
      if (length === 0) return hash.digest('hex');
      hash.update(chunk.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
}

parentPort?.postMessage((workerData as string[]).map(hashFile));
