import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FunctionError } from '../errors.ts';
import {
  type ComponentName,
  graphFile,
  MANIFEST_FILE,
  type Manifest,
  manifestSchema,
  TOKENIZER_FILE,
} from './manifest.ts';

/** A checked bundle on disk. */
export interface Bundle {
  readonly manifest: Manifest;
  /** The ONNX file of a component; its weights lie beside it. */
  graphPath(component: ComponentName): string;
  readTokenizerJson(): Promise<unknown>;
}

/**
 * Opens a bundle after checking every file's length and checksum, so that a disk fault or a cut-off copy is
 * found here and not as noise in a picture.
 * @throws FunctionError `model_corrupt` naming the file, the checksum it should have and the one it has.
 */
export async function openBundle(folder: string): Promise<Bundle> {
  const manifest = await readManifest(folder);
  for (const [name, expected] of Object.entries(manifest.files)) {
    await checkFile(join(folder, name), name, expected);
  }
  return {
    manifest,
    graphPath: (component) => join(folder, graphFile(component)),
    readTokenizerJson: async () => JSON.parse(await readFile(join(folder, TOKENIZER_FILE), 'utf8')),
  };
}

async function readManifest(folder: string): Promise<Manifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8')));
  } catch (cause) {
    throw new FunctionError(
      'model_corrupt',
      'The bundle has no readable manifest.json of this version: compile it again.',
      {
        cause,
      },
    );
  }
}

async function checkFile(path: string, name: string, expected: { bytes: number; sha256: string }): Promise<void> {
  const bytes = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (bytes !== expected.bytes) {
    const found = bytes === undefined ? 'it is missing' : `it has ${bytes}`;
    throw new FunctionError('model_corrupt', `Model file ${name} should have ${expected.bytes} bytes; ${found}.`);
  }
  await checkSha256(path, name, expected.sha256);
}

/** @throws FunctionError `model_corrupt` with both checksums when the file's differs. */
export async function checkSha256(path: string, name: string, expected: string): Promise<void> {
  const found = await sha256OfFile(path);
  if (found !== expected) {
    throw new FunctionError(
      'model_corrupt',
      `Model file ${name} is damaged: its sha256 is ${found}, it should be ${expected}.`,
    );
  }
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
