import type { GenerateSettings, Warning } from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';
import type { AddedLora, DiffusionModel } from '../diffusion-model.ts';
import { predictionCount } from '../resolve-sampler.ts';
import type { Embedding, EmbeddingEntry } from './embeddings.ts';
import { encodePrompts, type GuidingPrompts } from './encode-prompt.ts';
import { readPrompt } from './read-prompt.ts';

/** What guides a picture, and what there is to say of its prompts. */
export interface PromptsRead {
  prompts: GuidingPrompts;
  /** Embeddings that the prompts name. */
  used: Embedding[];
  warnings: Warning[];
}

/** Prompts that several pictures share go through the text encoder once. */
export async function readAllPrompts(
  model: DiffusionModel,
  pictures: readonly GenerateSettings[],
  { signal, embeddings }: { signal: AbortSignal | undefined; embeddings: readonly EmbeddingEntry[] | undefined },
): Promise<PromptsRead[]> {
  const known = new Map<string, PromptsRead>();
  const readings: PromptsRead[] = [];
  for (const settings of pictures) {
    signal?.throwIfAborted();
    const { prompt, negativePrompt, clipSkip } = settings;
    const key = JSON.stringify([prompt, negativePrompt, clipSkip, predictionCount(settings)]);
    const reading = known.get(key) ?? (await readPrompts(model, settings, embeddings));
    known.set(key, reading);
    readings.push(reading);
  }
  return readings;
}

/** Each once, however many pictures it is about. */
export function gatherWarnings(readings: readonly PromptsRead[]): Warning[] {
  const warnings = readings.flatMap((reading) =>
    reading.warnings.map((warning) => [JSON.stringify(warning), warning] as const),
  );
  return [...new Map(warnings).values()];
}

async function readPrompts(
  model: DiffusionModel,
  settings: GenerateSettings,
  embeddings: readonly EmbeddingEntry[] | undefined,
): Promise<PromptsRead> {
  const { loras = [] } = model;
  const options = {
    syntax: settings.promptSyntax ?? 'plain',
    steps: predictionCount(settings),
    embeddings,
    usesLora: (wanted: string) => loras.some(({ name }) => name === wanted),
  } as const;
  const prompt = readPrompt(model, 'prompt', settings.prompt, options);
  const negative = readPrompt(model, 'negativePrompt', settings.negativePrompt, options);
  const { clipSkip = 1 } = settings;
  const { layers } = model.config.text;
  if (clipSkip > layers) {
    const message = `clipSkip must be a whole number from 1 to ${layers} for model ${model.info.name}`;
    throw new FunctionError('invalid_input', message, { field: 'clipSkip' });
  }
  return {
    prompts: await encodePrompts(model, { prompt, negative }, clipSkip),
    used: [...new Set([...prompt.embeddings, ...negative.embeddings])],
    warnings: [...prompt.warnings, ...negative.warnings, ...loras.flatMap(warnOfUnused)],
  };
}

function warnOfUnused({ name, unusedTensors }: AddedLora): Warning[] {
  if (unusedTensors === 0) return [];
  const message = `${unusedTensors} tensors of the LoRA ${name} belong to no layer of this model and had no effect.`;
  return [{ code: 'networks_ignored', field: 'prompt', message, networks: [name] }];
}
