import { fileURLToPath } from 'node:url';
import { type AvailableModel, installedModels, shippedModel } from './bundle/available-model.ts';
import type { Engine, GenerateOptions } from './engine.ts';
import type { Target } from './graphs/layers/layers.ts';
import { createModelCatalog, findModel } from './model-catalog.ts';
import type { DiffusionModel } from './pipeline/diffusion-model.ts';
import { generate } from './pipeline/generate.ts';
import { openModel } from './runtime/open-model.ts';
import { createSessionHost, type SessionHost } from './runtime/session-host.ts';

/** The model that comes with the package. */
const EMBEDDED_MODEL = fileURLToPath(new URL('../models/mini', import.meta.url));

export interface EngineOptions {
  /** Where the embedded model's compiled bundle is kept. */
  cacheDir: string;
  /** A folder of further bundles, as `safelight weights convert` makes them. @defaultValue none */
  modelsDir?: string;
  /** The model for requests that name none. @defaultValue the embedded model */
  defaultModel?: string;
  /** What the networks run on; only models compiled for it are offered. @defaultValue `cpu` */
  device?: Target;
  /** Threads of one operator. @defaultValue as many as the process may use */
  threads?: number;
}

/**
 * An engine that runs on this machine. Models are opened when they are first asked for, one at a time.
 * @throws FunctionError `model_not_found` when the default model is not there.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { cacheDir, modelsDir, device = 'cpu', threads } = options;
  const embedded = await shippedModel(EMBEDDED_MODEL, cacheDir, device);
  const models = [embedded, ...(modelsDir === undefined ? [] : await installedModels(modelsDir, device))];
  const catalog = createModelCatalog(
    models.map(({ info }) => info),
    options.defaultModel ?? embedded.info.name,
  );
  let loaded: { available: AvailableModel; model: DiffusionModel; host: SessionHost } | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  async function open(available: AvailableModel, onPhase: GenerateOptions['onPhase']): Promise<DiffusionModel> {
    if (loaded?.available === available && !loaded.host.isLost) return loaded.model;
    await closeModel();
    const bundle = await available.open(() => onPhase?.({ name: 'provisioning' }));
    const host = createSessionHost();
    try {
      const onLoaded = (loadedBytes: number, totalBytes: number) =>
        onPhase?.({ name: 'loading', loadedBytes, totalBytes });
      const model = await openModel(bundle, host, { onLoaded, ...(threads === undefined ? {} : { threads }) });
      loaded = { available, model, host };
      return model;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  async function closeModel(): Promise<void> {
    await loaded?.host.close();
    loaded = undefined;
  }

  return {
    ...catalog,

    generate(settings, generateOptions = {}) {
      const run = async () => {
        generateOptions.signal?.throwIfAborted();
        const start = performance.now();
        const model = await open(findModel(models, settings.model), generateOptions.onPhase);
        const loadMs = performance.now() - start;
        const generation = await generate(model, settings, generateOptions);
        return { ...generation, timings: { ...generation.timings, loadMs } };
      };
      const result = turn.then(run);
      turn = result.catch(() => undefined);
      return result;
    },

    close: closeModel,
  };
}
