import type { SharedBytes } from './byte-threads.ts';

export interface PartSteps {
  /** Brings a part's bytes into memory. Parts are filled one after the other, in the file's order. */
  fill(part: SharedBytes, offset: number): Promise<void>;
  /** Works on a part while the next ones are filled. Its memory is filled again once this resolves. */
  drain(part: SharedBytes, offset: number): Promise<void>;
}

/** A few blocks of memory that a file passes through, part by part. */
export interface PartRing {
  /** Nothing works on the memory any more when this settles. @throws the first error of a step. */
  pass(bytes: number, steps: PartSteps): Promise<void>;
}

export function createPartRing(partBytes: number, size = 4): PartRing {
  const slots: SharedBytes[] = [];
  return {
    async pass(bytes, { fill, drain }) {
      const draining: Promise<void>[] = [];
      try {
        for (let offset = 0; offset < bytes; offset += partBytes) {
          const slot = (offset / partBytes) % size;
          await draining[slot];
          slots[slot] ??= new Uint8Array(new SharedArrayBuffer(partBytes));
          const part = slots[slot].subarray(0, Math.min(partBytes, bytes - offset));
          await fill(part, offset);
          draining[slot] = drain(part, offset);
          // Its failure is heard when its slot is needed, or at the end.
          draining[slot].catch(() => undefined);
        }
        await Promise.all(draining);
      } finally {
        await Promise.allSettled(draining);
      }
    },
  };
}
