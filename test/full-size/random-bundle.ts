import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildGraph, compileBundle } from '../../function/src/bundle/compile.ts';
import {
  BUNDLE_FORMAT_VERSION,
  type ComponentName,
  componentNames,
  MANIFEST_FILE,
  type Precision,
  weightsFile,
} from '../../function/src/bundle/manifest.ts';
import { encodeOnnx } from '../../function/src/graphs/encode-onnx.ts';
import type { Target } from '../../function/src/graphs/layers/layers.ts';
import { stableDiffusionV1 } from '../../function/src/graphs/model-config.ts';
import { lowerToCpu } from '../support/lower-to-cpu.ts';
import { createRandomCheckpoint, RECIPE_VERSION } from './random-checkpoint.ts';

/**
 * Compiles the random checkpoint's bundle, 4.9 GB (2.1 GB for CUDA, 1.8 GB in int8), unless the folder holds it already, with the graphs
 * of today. A bundle for CUDA gets graphs of the same weights that the CPU can run beside its own.
 */
export async function ensureRandomBundle(
  folder: string,
  target: Target = 'cpu',
  precision: Precision = target === 'cuda' ? 'fp16' : 'fp32',
): Promise<void> {
  if (await isCurrent(folder, precision)) return;
  await rm(folder, { recursive: true, force: true });
  await compileBundle(folder, {
    checkpoint: createRandomCheckpoint(),
    sourceSha256: createHash('sha256').update(`random checkpoint, recipe ${RECIPE_VERSION}`).digest('hex'),
    config: stableDiffusionV1,
    target,
    precision,
    model: {
      name: 'random-v1',
      version: `${RECIPE_VERSION}`,
      description: 'Random weights at the full size of Stable Diffusion v1',
      license: { name: 'none', url: 'https://example.com', useRestrictions: 'Draws noise.' },
      limits: { minSize: 256, maxSize: 1024 },
      defaults: { width: 512, height: 512, steps: 5, guidanceScale: 7.5, sampler: 'ddim' },
    },
  });
  if (target === 'cuda') await writeLoweredGraphs(folder);
}

async function writeLoweredGraphs(folder: string): Promise<void> {
  for (const component of componentNames) {
    const graph = lowerToCpu(buildGraph(component, stableDiffusionV1, 'cuda'));
    await writeFile(join(folder, loweredGraphFile(component)), encodeOnnx(graph, weightsFile(component)));
  }
}

/** A graph for CUDA said in the CPU provider's operators. */
export const loweredGraphFile = (component: ComponentName) => `${component}.lowered.onnx`;

/** A folder with a manifest is whole. */
async function isCurrent(folder: string, expected: Precision): Promise<boolean> {
  try {
    const { formatVersion, model, precision } = JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8'));
    return formatVersion === BUNDLE_FORMAT_VERSION && model.version === `${RECIPE_VERSION}` && precision === expected;
  } catch {
    return false;
  }
}
