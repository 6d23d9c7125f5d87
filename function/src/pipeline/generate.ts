import type { GenerateSettings, Phase, Warning } from '@safelight/sdk/contract';
import type { EncodedImage, GenerateOptions, Generation } from '../engine.ts';
import { FunctionError } from '../errors.ts';
import type { AddedLora, DiffusionModel } from './diffusion-model.ts';
import { drawLatents } from './draw-latents.ts';
import { cellSettings } from './grid/grid-cells.ts';
import { createSheet } from './grid/sheet.ts';
import { encodeImage, toPixels } from './image/encode-image.ts';
import { formatParameters } from './image/parameters.ts';
import { addWatermark, canCarryWatermark } from './image/watermark.ts';
import type { Embedding, EmbeddingEntry } from './prompt/embeddings.ts';
import { encodePrompts, type GuidingPrompts } from './prompt/encode-prompt.ts';
import { readPrompt } from './prompt/read-prompt.ts';
import { predictionCount } from './resolve-sampler.ts';
import { imageSeeds } from './resolve-settings.ts';
import { openStart } from './start/open-start.ts';
import type { Pixels } from './start/pixels.ts';

export interface PipelineOptions extends GenerateOptions {
  /** What names in prompts stand for. @defaultValue none */
  embeddings?: readonly EmbeddingEntry[];
}

/** A picture of a job: its settings, and what is added to their seed. */
interface Plan {
  settings: GenerateSettings;
  offset: number;
}

/**
 * Makes the pictures of one job, one after the other, so that a picture is the same to the byte whether it is
 * asked for alone or as one of many. After those of a grid comes the sheet of them all.
 */
export async function generate(
  opened: DiffusionModel,
  settings: GenerateSettings,
  { signal, onPhase, readUpload, embeddings }: PipelineOptions = {},
): Promise<Generation> {
  const model = withDecoder(opened, settings);
  const clock = createPhaseClock(signal, onPhase);
  const plans = planPictures(model, settings);
  const count = plans.length;

  // 1. Words become tokens, tokens become embeddings; a picture to start from is brought to size.
  clock.enter({ name: 'encoding' });
  const readings = await readAllPrompts(model, plans, { signal, embeddings });
  const start = await openStart(settings, readUpload);
  const sheet = settings.grid && createSheet(settings.grid);

  const images: EncodedImage[] = [];
  for (const [index, plan] of plans.entries()) {
    // 2. The seed becomes noise, and the noise, step by step, latents of what the prompt describes.
    const onStep = (step: number, steps: number) =>
      clock.enter({ name: 'denoising', image: index, count, step, steps });
    const { prompts } = readings[index] as PromptsRead;
    const latents = await drawLatents({ model, ...plan, prompts, start, onStep });
    // 3. Latents become pixels, which are put into the picture that they are drawn for.
    clock.enter({ name: 'decoding', image: index, count });
    const drawn = toPixels(await model.decodeLatents(latents));
    const pixels = start === undefined ? drawn : await start.finish(drawn);
    // 4. Pixels become a file that says how it was made.
    images.push(await finish(model, plan, { pixels, index, used: readings[index]?.used ?? [] }));
    await sheet?.add(pixels);
  }
  if (sheet !== undefined)
    images.push(
      await finish(
        model,
        { settings, offset: 0 },
        { pixels: await sheet.finish(), index: count, used: [...new Set(readings.flatMap(({ used }) => used))] },
      ),
    );
  return { images, warnings: gatherWarnings(readings), timings: { loadMs: 0, ...clock.stop() } };
}

function planPictures({ info }: DiffusionModel, settings: GenerateSettings): Plan[] {
  if (settings.grid !== undefined) return cellSettings(settings, info).map((cell) => ({ settings: cell, offset: 0 }));
  return Array.from({ length: settings.count }, (_, offset) => ({ settings, offset }));
}

interface PromptsRead {
  prompts: GuidingPrompts;
  /** Embeddings that the prompts name. */
  used: Embedding[];
  warnings: Warning[];
}

/** Prompts that several pictures share go through the text encoder once. */
async function readAllPrompts(
  model: DiffusionModel,
  plans: readonly Plan[],
  { signal, embeddings }: { signal: AbortSignal | undefined; embeddings: readonly EmbeddingEntry[] | undefined },
): Promise<PromptsRead[]> {
  const known = new Map<string, PromptsRead>();
  const readings: PromptsRead[] = [];
  for (const { settings } of plans) {
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
function gatherWarnings(readings: readonly PromptsRead[]): Warning[] {
  const warnings = readings.flatMap((reading) =>
    reading.warnings.map((warning) => [JSON.stringify(warning), warning] as const),
  );
  return [...new Map(warnings).values()];
}

/** The model, decoding as the settings want it. */
function withDecoder(model: DiffusionModel, { decoder }: GenerateSettings): DiffusionModel {
  if (decoder !== 'preview') return model;
  const { decodePreview } = model;
  if (decodePreview !== undefined) return { ...model, decodeLatents: decodePreview };
  const message = `The model ${model.info.name} has no preview decoder: convert it with --preview-decoder, or leave decoder out`;
  throw new FunctionError('invalid_input', message, { field: 'decoder' });
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

async function finish(
  model: DiffusionModel,
  { settings, offset }: Plan,
  { pixels, index, used }: { pixels: Pixels; index: number; used: readonly Embedding[] },
): Promise<EncodedImage> {
  const { width, height } = pixels;
  const seeds = imageSeeds(settings, offset);
  const parameters = formatParameters({ ...settings, ...seeds }, model, used);
  const isDrawnFromText = settings.initImage === undefined;
  const isMarked = (settings.watermark ?? isDrawnFromText) && canCarryWatermark(pixels);
  const data = await encodeImage(isMarked ? addWatermark(pixels) : pixels, settings.format, {
    parameters,
    source: isDrawnFromText ? 'trainedAlgorithmicMedia' : 'compositeWithTrainedAlgorithmicMedia',
  });
  return { index, width, height, seed: seeds.seed, data };
}

type StageTimings = Omit<Generation['timings'], 'loadMs'>;

/** Reports phases, refuses to enter one after an abort, and adds up the time spent in each. */
function createPhaseClock(signal: AbortSignal | undefined, onPhase: ((phase: Phase) => void) | undefined) {
  const timings: StageTimings = { encodeMs: 0, denoiseMs: 0, decodeMs: 0 };
  let stage: keyof StageTimings | undefined;
  let since = performance.now();

  function settle(next?: keyof StageTimings): void {
    const now = performance.now();
    if (stage !== undefined) timings[stage] += now - since;
    stage = next;
    since = now;
  }

  return {
    enter(phase: Phase): void {
      signal?.throwIfAborted();
      settle(phase.name === 'encoding' ? 'encodeMs' : phase.name === 'denoising' ? 'denoiseMs' : 'decodeMs');
      onPhase?.(phase);
    },
    stop(): StageTimings {
      settle();
      return timings;
    },
  };
}
