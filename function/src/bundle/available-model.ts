import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelInfo } from '@safelight/sdk/contract';
import type { Target } from '../graphs/layers/layers.ts';
import { openCachedBundle } from './cached-bundle.ts';
import { readModelFolder } from './model-folder.ts';
import { type Bundle, openBundle, readManifest } from './open-bundle.ts';

/** A model that can be asked for by name. */
export interface AvailableModel {
  readonly info: ModelInfo;
  /**
   * @param onCompile Called when the bundle has to be made first.
   * @throws FunctionError `model_corrupt`, `storage_full`, `unavailable`.
   */
  open(onCompile?: () => void): Promise<Bundle>;
}

/** A model shipped as a checkpoint; its bundle is kept in the cache. */
export async function shippedModel(folder: string, cacheDir: string, target: Target): Promise<AvailableModel> {
  const model = await readModelFolder(folder);
  return {
    info: model.info,
    open: (onCompile) =>
      openCachedBundle(model, { cacheDir, target, ...(onCompile === undefined ? {} : { onCompile }) }),
  };
}

/** The bundles for a target that lie in a folder, in the order of their folders' names. What is no whole bundle is passed over. */
export async function installedModels(modelsDir: string, target: Target): Promise<AvailableModel[]> {
  const names = await readdir(modelsDir).catch(() => []);
  const models: AvailableModel[] = [];
  for (const name of names.sort()) {
    const folder = join(modelsDir, name);
    const manifest = await readManifest(folder).catch(() => undefined);
    if (manifest?.target === target) models.push({ info: manifest.model, open: () => openBundle(folder) });
  }
  return models;
}
