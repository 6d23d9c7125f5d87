import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { MAX_SEED } from '@safelight/sdk/contract';
import { openCachedBundle } from './bundle/cached-bundle.ts';
import { type ModelFolder, readModelFolder } from './bundle/model-folder.ts';
import type { Engine, GenerateOptions } from './engine.ts';
import { FunctionError } from './errors.ts';
import type { DiffusionModel } from './pipeline/diffusion-model.ts';
import { generate } from './pipeline/generate.ts';
import { resolveSettings } from './pipeline/resolve-settings.ts';
import { openModel } from './runtime/open-model.ts';
import { createSessionHost, type SessionHost } from './runtime/session-host.ts';

/** The model that comes with the package. */
const EMBEDDED_MODEL = fileURLToPath(new URL('../models/mini', import.meta.url));

export interface EngineOptions {
  /** Where compiled bundles are kept. */
  cacheDir: string;
  /** Folders of models to offer; the first is the default. @defaultValue the embedded model */
  modelFolders?: readonly string[];
  /** Threads of one operator. @defaultValue as many as the process may use */
  threads?: number;
}

/** An engine that runs on this machine. Models are opened when they are first asked for. */
export async function createEngine({
  cacheDir,
  modelFolders = [EMBEDDED_MODEL],
  threads,
}: EngineOptions): Promise<Engine> {
  const folders = await Promise.all(modelFolders.map(readModelFolder));
  const [first] = folders;
  if (first === undefined) throw new FunctionError('invalid_input', 'No model folder was given.');
  let loaded: { name: string; model: DiffusionModel; host: SessionHost } | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  async function open(folder: ModelFolder, onPhase: GenerateOptions['onPhase']): Promise<DiffusionModel> {
    if (loaded?.name === folder.info.name && !loaded.host.isLost) return loaded.model;
    await closeModel();
    const bundle = await openCachedBundle(folder, { cacheDir, onCompile: () => onPhase?.({ name: 'provisioning' }) });
    const host = createSessionHost();
    try {
      const onLoaded = (loadedBytes: number, totalBytes: number) =>
        onPhase?.({ name: 'loading', loadedBytes, totalBytes });
      const model = await openModel(bundle, host, { onLoaded, ...(threads === undefined ? {} : { threads }) });
      loaded = { name: folder.info.name, model, host };
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

  function find(name: string): ModelFolder {
    const folder = folders.find(({ info }) => info.name === name);
    if (folder !== undefined) return folder;
    const known = folders.map(({ info }) => info.name).join(', ');
    throw new FunctionError('model_not_found', `There is no model of that name here: use one of ${known}`, {
      field: 'model',
    });
  }

  return {
    defaultModel: first.info.name,
    models: () => folders.map(({ info }) => info),
    resolve: (input) =>
      resolveSettings(input, find(input.model ?? first.info.name).info, () => randomInt(MAX_SEED + 1)),

    generate(settings, options = {}) {
      const run = async () => {
        options.signal?.throwIfAborted();
        const start = performance.now();
        const model = await open(find(settings.model), options.onPhase);
        const loadMs = performance.now() - start;
        const generation = await generate(model, settings, options);
        return { ...generation, timings: { ...generation.timings, loadMs } };
      };
      const result = turn.then(run);
      turn = result.catch(() => undefined);
      return result;
    },

    close: closeModel,
  };
}
