import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { compileBundle } from '../../function/src/bundle/compile.ts';
import { BUNDLE_FORMAT_VERSION, MANIFEST_FILE } from '../../function/src/bundle/manifest.ts';
import { stableDiffusionV1 } from '../../function/src/graphs/model-config.ts';
import { createRandomCheckpoint, RECIPE_VERSION } from './random-checkpoint.ts';

/** Compiles the random checkpoint's bundle, 4.3 GB, unless the folder holds it already, with the graphs of today. */
export async function ensureRandomBundle(folder: string): Promise<void> {
  if (await isCurrent(folder)) return;
  await rm(folder, { recursive: true, force: true });
  await compileBundle(folder, {
    checkpoint: createRandomCheckpoint(),
    sourceSha256: createHash('sha256').update(`random checkpoint, recipe ${RECIPE_VERSION}`).digest('hex'),
    config: stableDiffusionV1,
    model: {
      name: 'random-v1',
      version: `${RECIPE_VERSION}`,
      description: 'Random weights at the full size of Stable Diffusion v1',
      license: { name: 'none', url: 'https://example.com', useRestrictions: 'Draws noise.' },
      limits: { minSize: 256, maxSize: 1024 },
      defaults: { width: 512, height: 512, steps: 5, guidanceScale: 7.5, sampler: 'ddim' },
    },
  });
}

/** A folder with a manifest is whole. */
async function isCurrent(folder: string): Promise<boolean> {
  try {
    const { formatVersion, model } = JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8'));
    return formatVersion === BUNDLE_FORMAT_VERSION && model.version === `${RECIPE_VERSION}`;
  } catch {
    return false;
  }
}
