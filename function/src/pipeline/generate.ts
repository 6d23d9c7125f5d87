import { type GenerateSettings, type Phase, SIZE_STEP, type Warning } from '@safelight/sdk/contract';
import type { EncodedImage, GenerateOptions, Generation } from '../engine.ts';
import { FunctionError } from '../errors.ts';
import { type Tensor, tensor } from '../runtime/tensor.ts';
import type { DiffusionModel } from './diffusion-model.ts';
import { createGuidedPredictor } from './guidance.ts';
import { encodeImage } from './image/encode-image.ts';
import { formatParameters } from './image/parameters.ts';
import { createImageNoise } from './image-noise.ts';
import { encodePrompts, type GuidingPrompts } from './prompt/encode-prompt.ts';
import { readPrompt } from './prompt/read-prompt.ts';
import { predictionCount, readNoiseSettings } from './resolve-sampler.ts';
import { imageSeeds } from './resolve-settings.ts';
import { samplers } from './schedulers/index.ts';
import { createNoiseSchedule } from './schedulers/noise-schedule.ts';

/**
 * Makes the pictures of one job, one after the other, so that a picture is the same to the byte whether it is
 * asked for alone or as one of many.
 */
export async function generate(
  model: DiffusionModel,
  settings: GenerateSettings,
  { signal, onPhase }: GenerateOptions = {},
): Promise<Generation> {
  refuseInpaintingModel(model);
  const clock = createPhaseClock(signal, onPhase);

  // 1. Words become tokens, tokens become embeddings.
  clock.enter({ name: 'encoding' });
  const { prompts, warnings } = await readPrompts(model, settings);

  const images: EncodedImage[] = [];
  for (let index = 0; index < settings.count; index += 1) {
    // 2. The seed becomes noise, and the noise, step by step, latents of what the prompt describes.
    const latents = await denoise(model, settings, prompts, index, clock.enter);
    // 3. Latents become pixels.
    clock.enter({ name: 'decoding', image: index, count: settings.count });
    const pixels = await model.decodeLatents(latents);
    // 4. Pixels become a file that says how it was made.
    images.push(await finish(model, settings, pixels, index));
  }
  return { images, warnings, timings: { loadMs: 0, ...clock.stop() } };
}

/** An inpainting UNet wants a mask and a picture beside the latents: nine channels where others have four. */
function refuseInpaintingModel({ config, info }: DiffusionModel): void {
  if (config.unet.in_channels === config.vae.embed_dim) return;
  const message = `Model ${info.name} is for inpainting and cannot draw from a prompt alone: choose another model`;
  throw new FunctionError('invalid_input', message, { field: 'model' });
}

async function readPrompts(
  model: DiffusionModel,
  settings: GenerateSettings,
): Promise<{ prompts: GuidingPrompts; warnings: Warning[] }> {
  const options = { syntax: settings.promptSyntax ?? 'plain', steps: predictionCount(settings) } as const;
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
    warnings: [...prompt.warnings, ...negative.warnings],
  };
}

/** → latents [1, 4, h/8, w/8] of unit variance. */
async function denoise(
  model: DiffusionModel,
  settings: GenerateSettings,
  prompts: GuidingPrompts,
  index: number,
  enter: (phase: Phase) => void,
): Promise<Tensor> {
  const sampler = samplers[settings.sampler];
  const dims = [1, model.config.vae.embed_dim, settings.height / SIZE_STEP, settings.width / SIZE_STEP];
  const noise = createImageNoise({ ...settings, ...imageSeeds(settings, index) }, dims);
  const predictNoise = createGuidedPredictor(model, prompts, settings.guidanceScale);
  const { timesteps, linear_start, linear_end } = model.config.diffusion;
  const shape = {
    steps: settings.steps,
    schedule: settings.schedule,
    noiseSchedule: createNoiseSchedule({ timesteps, linearStart: linear_start, linearEnd: linear_end }),
  };
  const steps = sampler.stepCount(shape);
  const report = (step: number) => enter({ name: 'denoising', image: index, count: settings.count, step, steps });

  report(0);
  const latents = await sampler.sample({
    ...shape,
    noise: noise.start(),
    eta: settings.eta,
    noiseSettings: readNoiseSettings(settings),
    predictNoise: async (data, timestep) => (await predictNoise(tensor(data, dims), timestep)).data,
    drawNoise: noise.draw,
    createBrownianNoise: noise.brownian,
    onStep: report,
  });
  return tensor(latents, dims);
}

async function finish(
  model: DiffusionModel,
  settings: GenerateSettings,
  pixels: Tensor,
  index: number,
): Promise<EncodedImage> {
  const { width, height, format } = settings;
  const seeds = imageSeeds(settings, index);
  const parameters = formatParameters({ ...settings, ...seeds }, model.checkpointSha256);
  return { index, width, height, seed: seeds.seed, data: await encodeImage(pixels, format, parameters) };
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
