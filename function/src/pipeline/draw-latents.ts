import { type GenerateSettings, SIZE_STEP } from '@safelight/sdk/contract';
import { type Tensor, tensor } from '../runtime/tensor.ts';
import type { DiffusionModel } from './diffusion-model.ts';
import { createGuidedPredictor, guidanceInterval } from './guidance.ts';
import { createImageNoise, type ImageNoise } from './image-noise.ts';
import type { GuidingPrompts } from './prompt/encode-prompt.ts';
import { predictionCount, readNoiseSettings } from './resolve-sampler.ts';
import { imageSeeds } from './resolve-settings.ts';
import { secondRunOf } from './resolve-start.ts';
import { keepUnmasked } from './schedulers/denoiser.ts';
import { createNoiseSchedule, samplers } from './schedulers/index.ts';
import type { InitialImage, RunShape } from './schedulers/sampler.ts';
import { encodeInpaintingInput, encodeStart, withInpaintingInput } from './start/encode-start.ts';
import { enlargeLatents } from './start/hires.ts';
import type { Start } from './start/open-start.ts';

export interface LatentsRequest {
  model: DiffusionModel;
  settings: GenerateSettings;
  prompts: GuidingPrompts;
  /** Absent, the picture starts from noise alone. */
  start: Start | undefined;
  /** What is added to the seed: the picture's place among those of one job. */
  offset: number;
  /** Called before the first step and after each. */
  onStep: (step: number, steps: number) => void;
}

/** From a seed, and maybe a picture, to latents of what the prompt describes: [1, 4, h/8, w/8], unit variance. */
export async function drawLatents(request: LatentsRequest): Promise<Tensor> {
  const { model, settings, start, onStep } = request;
  const { hires } = settings;
  if (hires === undefined) {
    const noise = createNoise(request, settings);
    return run(request, settings, { noise, init: start && (await encodeStart(model, start, settings, noise)), onStep });
  }

  const second = secondRunOf(settings, hires);
  const firstSteps = stepsOf(request, settings);
  const steps = firstSteps + stepsOf(request, second.settings, second.strength);
  const composed = await run(request, settings, {
    noise: createNoise(request, settings),
    onStep: (step) => onStep(step, steps),
  });
  // The seed's noise at the larger size.
  const noise = createNoise(request, second.settings);
  const enlarged = await enlargeLatents(model, composed, second.settings, hires, noise);
  if (hires.strength === 0) return enlarged;
  return run(request, second.settings, {
    noise,
    init: { latents: enlarged.data, strength: second.strength },
    // Prompts that change have come to their end in the first run.
    predictionsMade: Number.POSITIVE_INFINITY,
    onStep: (step) => onStep(firstSteps + step, steps),
  });
}

interface Run {
  noise: ImageNoise;
  init?: InitialImage | undefined;
  predictionsMade?: number;
  onStep: LatentsRequest['onStep'];
}

async function run(request: LatentsRequest, settings: GenerateSettings, { noise, ...options }: Run): Promise<Tensor> {
  const { model, prompts, start } = request;
  const { init, predictionsMade = 0, onStep } = options;
  const dims = latentDims(model, settings);
  const shape = shapeOf(model, settings, init);
  const sampler = samplers[settings.sampler];
  const steps = sampler.stepCount(shape);
  onStep(0, steps);
  const startNoise = noise.start();
  const seeing = withInpaintingInput(model, await encodeInpaintingInput(model, start, settings, noise));
  const predictNoise = createGuidedPredictor(seeing, prompts, settings.guidanceScale, {
    predictionsMade,
    isGuided: guidanceInterval(settings, predictionCount({ sampler: settings.sampler, steps })),
    deepCache: settings.deepCache,
  });
  const latents = await sampler.sample({
    ...shape,
    noise: startNoise,
    eta: settings.eta,
    noiseSettings: readNoiseSettings(settings),
    predictNoise: async (data, timestep) => (await predictNoise(tensor(data, dims), timestep)).data,
    drawNoise: noise.draw,
    createBrownianNoise: noise.brownian,
    onStep,
  });
  return tensor(keepUnmasked(latents, init), dims);
}

function stepsOf({ model }: LatentsRequest, settings: GenerateSettings, strength?: number): number {
  const init = strength === undefined ? undefined : { latents: new Float32Array(), strength };
  return strength === 0 ? 0 : samplers[settings.sampler].stepCount(shapeOf(model, settings, init));
}

function shapeOf(
  { config }: DiffusionModel,
  { steps, schedule }: GenerateSettings,
  init: InitialImage | undefined,
): RunShape {
  const { timesteps, linear_start, linear_end } = config.diffusion;
  const noiseSchedule = createNoiseSchedule({ timesteps, linearStart: linear_start, linearEnd: linear_end });
  return { steps, schedule, noiseSchedule, ...(init === undefined ? {} : { init }) };
}

function createNoise({ model, settings, offset }: LatentsRequest, size: GenerateSettings): ImageNoise {
  return createImageNoise({ ...settings, ...imageSeeds(settings, offset) }, latentDims(model, size));
}

function latentDims({ config }: DiffusionModel, { width, height }: GenerateSettings): number[] {
  return [1, config.vae.embed_dim, height / SIZE_STEP, width / SIZE_STEP];
}
