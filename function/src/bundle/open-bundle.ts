import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FunctionError } from '../errors.ts';
import { checkFiles } from './check-files.ts';
import { type GraphName, graphFile, MANIFEST_FILE, type Manifest, manifestSchema, TOKENIZER_FILE } from './manifest.ts';
import { readFileStates, readVerifiedStates, recordVerified } from './verified-states.ts';

/** A checked bundle on disk. */
export interface Bundle {
  readonly manifest: Manifest;
  /** The ONNX file of a graph; its weights lie beside it. */
  graphPath(graph: GraphName): string;
  readTokenizerJson(): Promise<unknown>;
}

/**
 * Opens a bundle after checking every file's length and checksum, so that a disk fault or a cut-off copy is found here
 * and not as noise in a picture. Files that have not changed since they were last checked are not read again.
 * @throws FunctionError `model_corrupt` naming the file, the checksum it should have and the one it has.
 */
export async function openBundle(folder: string): Promise<Bundle> {
  const manifest = await readManifest(folder);
  const states = await readFileStates(folder, manifest);
  if (JSON.stringify(states) !== JSON.stringify(await readVerifiedStates(folder))) await verifyFiles(folder, manifest);
  return {
    manifest,
    graphPath: (graph) => join(folder, graphFile(graph)),
    readTokenizerJson: async () => JSON.parse(await readFile(join(folder, TOKENIZER_FILE), 'utf8')),
  };
}

/**
 * Reads every file of a bundle and compares its checksum, whatever was checked before.
 * @throws FunctionError `model_corrupt` as `openBundle`.
 */
export async function verifyFiles(folder: string, manifest: Manifest): Promise<void> {
  await readFileStates(folder, manifest);
  await checkFiles(folder, manifest.files);
  await recordVerified(folder, manifest);
}

/** @throws FunctionError `model_corrupt` when the folder is no bundle of this version. */
export async function readManifest(folder: string): Promise<Manifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8')));
  } catch (cause) {
    throw new FunctionError(
      'model_corrupt',
      'The bundle has no readable manifest.json of this version: compile it again.',
      { cause },
    );
  }
}
