import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { FunctionError } from '../errors.ts';

/** @throws FunctionError `model_corrupt` with both checksums when the file's differs. */
export async function checkSha256(path: string, name: string, expected: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  const found = hash.digest('hex');
  if (found !== expected) {
    throw new FunctionError(
      'model_corrupt',
      `Model file ${name} is damaged: its sha256 is ${found}, it should be ${expected}.`,
    );
  }
}
