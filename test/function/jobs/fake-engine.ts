import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { GenerateSettings, ModelInfo } from '@safelight/sdk/contract';
import { canDrawTogether } from '../../../function/src/draw-together.ts';
import type { EncodedImage, Engine, GenerateOptions } from '../../../function/src/engine.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import { resolveSettings } from '../../../function/src/pipeline/resolve-settings.ts';

const FAKE_MODEL: ModelInfo = {
  name: 'fake',
  version: '1',
  description: 'Makes deterministic bytes',
  license: { name: 'none', url: 'https://license.example', useRestrictions: 'none' },
  limits: { minSize: 64, maxSize: 512 },
  defaults: { width: 64, height: 64, steps: 4, guidanceScale: 7.5, sampler: 'ddim' },
};

export interface FakeEngineOptions {
  /** Milliseconds per step. */
  stepMs?: number;
  /** Runs before each generation; may throw, wait or end the process. `call` counts from 1. */
  onGenerate?: (settings: GenerateSettings, call: number, signal: AbortSignal | undefined) => void | Promise<void>;
  /** Runs when a generation is drawn, before its pictures are handed over. */
  onFinish?: (settings: GenerateSettings) => void | Promise<void>;
  /** How many generations of 512×512 it draws together. @defaultValue 1 */
  batch?: number;
  /** Bytes of each picture. */
  imageBytes?: number;
  randomSeed?: () => number;
  /** What its model has beyond the usual. */
  model?: Partial<ModelInfo>;
}

/** What the fake draws: a function of the seed alone. */
export const fakeImageData = (seed: number, imageBytes = 10_000): Uint8Array => {
  const block = createHash('sha256').update(`picture ${seed}`).digest();
  return Uint8Array.from(Buffer.alloc(imageBytes, block));
};

const drawImages = (settings: GenerateSettings, imageBytes: number | undefined): EncodedImage[] =>
  Array.from({ length: settings.count }, (_, index) => ({
    index,
    width: settings.width,
    height: settings.height,
    seed: settings.seed + index,
    data: fakeImageData(settings.seed + index, imageBytes),
  }));

/** An engine that draws nothing, and can be slow, fail or crash. */
export const createFakeEngine = (options: FakeEngineOptions = {}): Engine & { calls: number } => {
  const { stepMs = 0, onGenerate, onFinish, batch = 1, imageBytes, randomSeed = () => 42 } = options;
  const model = { ...FAKE_MODEL, ...options.model };
  return {
    calls: 0,
    defaultModel: model.name,
    models: () => [model],
    resolve(input) {
      if (input.model !== undefined && input.model !== model.name)
        throw new FunctionError('model_not_found', 'No such model', { field: 'model' });
      return resolveSettings(input, model, randomSeed);
    },
    canDrawTogether: (all) => canDrawTogether(all, batch),
    async generate(settings, { signal, onPhase, onDrawn }: GenerateOptions = {}) {
      this.calls++;
      await onGenerate?.(settings, this.calls, signal);
      onPhase?.({ name: 'encoding' });
      for (let step = 0; step < settings.steps; step++) {
        signal?.throwIfAborted();
        if (stepMs > 0) await delay(stepMs);
        onPhase?.({
          name: 'denoising',
          image: 0,
          count: settings.count,
          step: step + 1,
          steps: settings.steps,
        });
      }
      signal?.throwIfAborted();
      onDrawn?.();
      await onFinish?.(settings);
      return {
        images: drawImages(settings, imageBytes),
        warnings: [],
        timings: { loadMs: 0, encodeMs: 1, denoiseMs: stepMs * settings.steps, decodeMs: 1 },
      };
    },
    close: async () => {},
  };
};
