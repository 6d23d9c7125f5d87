import type { GenerateSettings, Phase } from '@safelight/sdk/contract';
import type { EncodedImage, GenerateOptions, Generation } from '../engine.ts';
import { FunctionError } from '../errors.ts';
import type { DiffusionModel } from './diffusion-model.ts';
import { drawLatents } from './draw-latents.ts';
import { checkSafety, finishPicture, type Plan } from './finish-picture.ts';
import { cellSettings } from './grid/grid-cells.ts';
import { createSheet } from './grid/sheet.ts';
import { toPixels } from './image/encode-image.ts';
import type { EmbeddingEntry } from './prompt/embeddings.ts';
import { gatherWarnings, type PromptsRead, readAllPrompts } from './prompt/read-all-prompts.ts';
import { openStart } from './start/open-start.ts';

export interface PipelineOptions extends GenerateOptions {
  /** What names in prompts stand for. @defaultValue none */
  embeddings?: readonly EmbeddingEntry[];
}

/**
 * Makes the pictures of one job, one after the other, so that a picture is the same to the byte whether it is
 * asked for alone or as one of many. After those of a grid comes the sheet of them all.
 */
export async function generate(
  opened: DiffusionModel,
  settings: GenerateSettings,
  { signal, onPhase, onDrawn, readUpload, embeddings }: PipelineOptions = {},
): Promise<Generation> {
  const model = withDecoder(opened, settings);
  const clock = createPhaseClock(signal, onPhase);
  const plans = planPictures(model, settings);
  const count = plans.length;

  // 1. Words become tokens, tokens become embeddings; a picture to start from is brought to size.
  clock.enter({ name: 'encoding' });
  const readings = await readAllPrompts(
    model,
    plans.map((plan) => plan.settings),
    { signal, embeddings },
  );
  const start = await openStart(settings, readUpload);
  const sheet = settings.grid && createSheet(settings.grid);

  const images: EncodedImage[] = [];
  for (const [index, plan] of plans.entries()) {
    // 2. The seed becomes noise, and the noise, step by step, latents of what the prompt describes.
    const onStep = (step: number, steps: number) =>
      clock.enter({ name: 'denoising', image: index, count, step, steps });
    const { prompts, used } = readings[index] as PromptsRead;
    const latents = await drawLatents({ model, ...plan, prompts, start, onStep });
    // 3. Latents become pixels, which are put into the picture that they are drawn for.
    clock.enter({ name: 'decoding', image: index, count });
    if (index === count - 1) onDrawn?.();
    const drawn = toPixels(await model.decodeLatents(latents));
    const pixels = start === undefined ? drawn : await start.finish(drawn);
    // 4. Pixels become a file that says how it was made.
    const checked = await checkSafety(model, plan.settings, pixels);
    images.push(await finishPicture(model, plan, { ...checked, index, used }));
    await sheet?.add(checked.pixels);
  }
  if (sheet !== undefined) {
    const used = [...new Set(readings.flatMap((reading) => reading.used))];
    const picture = { pixels: await sheet.finish(), index: count, used };
    images.push(await finishPicture(model, { settings, offset: 0 }, picture));
  }
  return { images, warnings: gatherWarnings(readings), timings: { loadMs: 0, ...clock.stop() } };
}

function planPictures({ info }: DiffusionModel, settings: GenerateSettings): Plan[] {
  if (settings.grid !== undefined) return cellSettings(settings, info).map((cell) => ({ settings: cell, offset: 0 }));
  return Array.from({ length: settings.count }, (_, offset) => ({ settings, offset }));
}

/** The model, decoding as the settings want it. */
function withDecoder(model: DiffusionModel, { decoder }: GenerateSettings): DiffusionModel {
  if (decoder !== 'preview') return model;
  const { decodePreview } = model;
  if (decodePreview !== undefined) return { ...model, decodeLatents: decodePreview };
  const message = `The model ${model.info.name} has no preview decoder: convert it with --preview-decoder, or leave decoder out`;
  throw new FunctionError('invalid_input', message, { field: 'decoder' });
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
