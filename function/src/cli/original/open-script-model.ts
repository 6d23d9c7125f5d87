import { createHash } from 'node:crypto';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { modelNameSchema, type Phase } from '@safelight/sdk/contract';
import { installedModels, shippedModel } from '../../bundle/available-model.ts';
import { openCachedFolder } from '../../bundle/cached-folder.ts';
import { convertCheckpoint } from '../../bundle/convert-checkpoint.ts';
import { BUNDLE_FORMAT_VERSION } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/open-bundle.ts';
import { EMBEDDED_MODEL } from '../../create-engine.ts';
import type { Target } from '../../graphs/layers/layers.ts';
import { findModel } from '../../model-catalog.ts';
import type { DiffusionModel } from '../../pipeline/diffusion-model.ts';
import { openModel } from '../../runtime/open-model.ts';
import { createSessionHost } from '../../runtime/session-host.ts';
import type { CliConfig } from '../config.ts';
import { acceptLicense } from '../weights/accept-license.ts';
import { nameFromPath } from '../weights/name-from-path.ts';
import { createTransferBar } from '../weights/transfer-bar.ts';
import { DEFAULT_CKPT, refused } from './script-flags.ts';

interface OpenScriptModelOptions {
  ckpt: string | undefined;
  acceptLicense: boolean;
  device: Target;
  signal: AbortSignal;
  onPhase: (phase: Phase) => void;
}

/** A model for one run; close it afterwards. */
interface ScriptModel {
  model: DiffusionModel;
  close(): Promise<void>;
}

/**
 * Opens what `--ckpt` names: a checkpoint, which is converted once and kept in the cache, or a model by its name. Without, the
 * checkpoint where the guide of the model card has it; where there is none, the embedded model.
 * @throws FunctionError `model_not_found`; what `convertCheckpoint` and `openModel` throw.
 */
export async function openScriptModel(config: CliConfig, options: OpenScriptModelOptions): Promise<ScriptModel> {
  const { ckpt, onPhase } = options;
  const path = ckpt ?? DEFAULT_CKPT;
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere && ckpt !== undefined && /[\\/]|\.(ckpt|safetensors)$/.test(ckpt))
    throw refused('ckpt', `${ckpt} is not there`);
  const bundle = isThere ? await openConverted(path, config, options) : await openNamed(ckpt, config, options);
  const host = createSessionHost();
  try {
    const onLoaded = (loadedBytes: number, totalBytes: number) => onPhase({ name: 'loading', loadedBytes, totalBytes });
    return { model: await openModel(bundle, host, { onLoaded }), close: () => host.close() };
  } catch (error) {
    await host.close();
    throw error;
  }
}

async function openNamed(
  name: string | undefined,
  { cacheDir, modelsDir }: CliConfig,
  { device, onPhase }: OpenScriptModelOptions,
): Promise<Bundle> {
  const embedded = await shippedModel(EMBEDDED_MODEL, cacheDir, device);
  const models = [embedded, ...(await installedModels(modelsDir, device))];
  return findModel(models, name ?? embedded.info.name).open(() => onPhase({ name: 'provisioning' }));
}

async function openConverted(
  checkpoint: string,
  { cacheDir }: CliConfig,
  { acceptLicense: isAccepted, device, signal }: OpenScriptModelOptions,
): Promise<Bundle> {
  const state = await stateOf(checkpoint);
  return openCachedFolder({
    cacheDir,
    name: `checkpoint-${state}-${device}-v${BUNDLE_FORMAT_VERSION}`,
    async make(folder) {
      await acceptLicense(isAccepted);
      const bar = createTransferBar('converting');
      try {
        const name = modelNameSchema.safeParse(nameFromPath(checkpoint)).data ?? 'checkpoint';
        await convertCheckpoint({ checkpoint, name, folder, target: device, onProgress: bar.update, signal });
      } finally {
        bar.stop();
      }
    },
  });
}

/** By it a checkpoint is known again without reading its gigabytes: where it lies, and size and time of change of its files. */
async function stateOf(checkpoint: string): Promise<string> {
  const path = await realpath(checkpoint);
  const isFolder = (await stat(path)).isDirectory();
  const files = isFolder ? (await readdir(path, { recursive: true })).sort() : ['.'];
  const states: unknown[] = [path];
  for (const file of files) {
    const { size, mtimeMs } = await stat(join(path, file));
    states.push([file, size, mtimeMs]);
  }
  return createHash('sha256').update(JSON.stringify(states)).digest('hex').slice(0, 16);
}
