import type { Target } from '../graphs/layers/layers.ts';
import { openCachedFolder } from './cached-folder.ts';
import { BUNDLE_FORMAT_VERSION } from './manifest.ts';
import type { ModelFolder } from './model-folder.ts';
import type { Bundle } from './open-bundle.ts';

export interface CachedBundleOptions {
  cacheDir: string;
  /** @defaultValue `cpu` */
  target?: Target;
  /** Called when the bundle is not there yet and is about to be made. */
  onCompile?: () => void;
}

/**
 * Opens the bundle of a model from the cache, and compiles it first where it is missing or damaged.
 * @throws FunctionError `model_corrupt` when the checkpoint is damaged, `storage_full` when the disk is.
 */
export function openCachedBundle(
  model: ModelFolder,
  { cacheDir, target = 'cpu', onCompile }: CachedBundleOptions,
): Promise<Bundle> {
  const { name, version } = model.info;
  const digest = model.digest.slice(0, 12);
  return openCachedFolder({
    cacheDir,
    name: `${name}-${version}-${target}-${digest}-v${BUNDLE_FORMAT_VERSION}`,
    async make(unfinished) {
      onCompile?.();
      await model.compile(unfinished, target);
    },
  });
}
