import { createHash, type Hash } from 'node:crypto';
import { type FileEntry, PART_BYTES } from './manifest.ts';

export interface PartHasher {
  update(chunk: Uint8Array): void;
  /** The checksums of all parts, or nothing where the whole file is one part. */
  finish(): FileEntry['parts'];
}

/** Hashes a stream in runs of `PART_BYTES`, however it is cut into chunks. */
export function createPartHasher(partBytes: number = PART_BYTES): PartHasher {
  const sha256: string[] = [];
  let part: Hash | undefined;
  let missing = partBytes;

  return {
    update(chunk) {
      for (let offset = 0; offset < chunk.byteLength; ) {
        const taken = Math.min(missing, chunk.byteLength - offset);
        part ??= createHash('sha256');
        part.update(chunk.subarray(offset, offset + taken));
        offset += taken;
        missing -= taken;
        if (missing > 0) continue;
        sha256.push(part.digest('hex'));
        part = undefined;
        missing = partBytes;
      }
    },
    finish() {
      if (part !== undefined) sha256.push(part.digest('hex'));
      part = undefined;
      return sha256.length > 1 ? { bytes: partBytes, sha256 } : undefined;
    },
  };
}
