import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../../support/embedded-model.ts';
import type { Tensors } from './checkpoint-writer.ts';

/** One residual block a level, and four levels of the VAE. */
export const miniShape = { layers: 1, vaeLevels: 4 };
/** Where the original layout keeps the text encoder. */
export const textPrefix = 'cond_stage_model.transformer.text_model.';

/** Writes a file into a folder of its own; whatever its name, the content tells its format. */
export async function writeModel(t: TestContext, bytes: Uint8Array, name = 'model.ckpt'): Promise<string> {
  const path = join(await temporaryFolder(t), name);
  await writeFile(path, bytes);
  return path;
}

export const without = (tensors: Tensors, prefix: string): Tensors =>
  new Map([...tensors].filter(([name]) => !name.startsWith(prefix)));
