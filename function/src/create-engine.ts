import { fileURLToPath } from 'node:url';
import type { SafetyPolicy } from '@safelight/sdk/contract';
import { createAddOnFolder } from './add-ons/add-on-folder.ts';
import { createEmbeddingFolder } from './add-ons/embedding-folder.ts';
import { createLoraFolder } from './add-ons/loras/find-loras.ts';
import { openMergedBundle } from './add-ons/loras/merged-bundle.ts';
import { type AvailableModel, installedModels, shippedModel } from './bundle/available-model.ts';
import { DEFAULT_BATCH } from './draw-together.ts';
import type { Engine } from './engine.ts';
import type { Target } from './graphs/layers/layers.ts';
import { openModel } from './runtime/open-model.ts';
import { createSingleModelEngine, type OpenedModel, type OpenOptions } from './single-model-engine.ts';

/** The model that comes with the package. */
export const EMBEDDED_MODEL = fileURLToPath(new URL('../models/mini', import.meta.url));

export interface EngineOptions {
  /** Where the embedded model's compiled bundle is kept. */
  cacheDir: string;
  /** A folder of further bundles, as `safelight weights convert` makes them. @defaultValue none */
  modelsDir?: string;
  /** A folder of LoRA files. @defaultValue none */
  lorasDir?: string;
  /** A folder of textual inversion embeddings, which prompts name. @defaultValue none */
  embeddingsDir?: string;
  /** The model for requests that name none. @defaultValue the embedded model */
  defaultModel?: string;
  /** What the networks run on; only models compiled for it are offered. @defaultValue `cpu` */
  device?: Target;
  /** What becomes of pictures that a safety checker objects to; callers can ask for stricter. @defaultValue `flag` */
  safety?: SafetyPolicy;
  /** How many generations of 512×512 are drawn together, of larger ones fewer. @defaultValue 1 on a processor, 4 on a GPU */
  batch?: number | undefined;
  /** Threads of one operator. @defaultValue as many as the process may use */
  threads?: number | undefined;
}

/**
 * An engine that runs on this machine. Models are opened when they are first asked for, one at a time.
 * @throws FunctionError `model_not_found` when the default model is not there.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { cacheDir, modelsDir, lorasDir, embeddingsDir, device = 'cpu', threads, safety } = options;
  const batch = options.batch ?? DEFAULT_BATCH[device];
  const embedded = await shippedModel(EMBEDDED_MODEL, cacheDir, device);
  const models = [embedded, ...(modelsDir === undefined ? [] : await installedModels(modelsDir, device))];
  const openable = models.map((available) => ({
    info: available.info,
    open: (opening: OpenOptions) => openAvailable(available, cacheDir, opening),
  }));
  const settings = {
    batch,
    loras: createLoraFolder(lorasDir === undefined ? undefined : createAddOnFolder(lorasDir)),
    ...(embeddingsDir === undefined ? {} : { embeddings: createEmbeddingFolder(createAddOnFolder(embeddingsDir)) }),
    ...(threads === undefined ? {} : { threads }),
    ...(safety === undefined ? {} : { leastSafety: safety }),
  };
  return createSingleModelEngine(openable, options.defaultModel ?? embedded.info.name, settings);
}

async function openAvailable(
  available: AvailableModel,
  cacheDir: string,
  { host, settings, loras, signal, onPhase }: OpenOptions,
): Promise<OpenedModel> {
  const onMake = () => onPhase({ name: 'provisioning' });
  const base = await available.open(onMake);
  const merged = await openMergedBundle(base, loras, { cacheDir, onMerge: onMake, signal });
  const onLoaded = (loadedBytes: number, totalBytes: number) => onPhase({ name: 'loading', loadedBytes, totalBytes });
  const model = await openModel(merged.bundle, host, { onLoaded, ...settings });
  return { model: { ...model, loras: merged.loras } };
}
