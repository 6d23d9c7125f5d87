import { SIZE_STEP } from '@safelight/sdk/contract';
import { type Tensor, tensor } from '../../runtime/tensor.ts';
import type { DiffusionModel } from '../diffusion-model.ts';
import { createGuidedPredictor } from '../guidance.ts';
import type { GuidingPrompts } from '../prompt/encode-prompt.ts';
import { createNoiseSchedule, samplers } from '../schedulers/index.ts';
import type { InitialImage, SampleInput } from '../schedulers/sampler.ts';
import type { BatchNoise } from './batch-noise.ts';
import { sampleDpmSolver } from './dpm-solver.ts';

/** The samplers of the original scripts. */
export type OriginalSampler = 'ddim' | 'plms' | 'dpm_solver';

export interface BatchRequest {
  model: DiffusionModel;
  /** One a picture; fewer than the noise is for, where the prompts of a file do not fill the last batch. */
  prompts: readonly GuidingPrompts[];
  width: number;
  height: number;
  sampler: OriginalSampler;
  /** As asked for: how many are run is up to the sampler. */
  steps: number;
  eta: number;
  guidanceScale: number;
  noise: BatchNoise;
  /** What all batches start from with `--fixed_code`; absent, fresh noise. */
  startCode?: Float32Array | undefined;
  /** Latents of a batch of pictures to start from. */
  init?: InitialImage | undefined;
  onStep: NonNullable<SampleInput['onStep']>;
}

/**
 * Draws a batch in the order of the original scripts: one tensor [n, 4, h/8, w/8] goes through the sampler, and each of its
 * draws is for the whole of it. Returns latents of unit variance, [1, 4, h/8, w/8] a picture.
 *
 * Source: `DDIMSampler`, `PLMSSampler` and `DPMSolverSampler` in CompVis/stable-diffusion.
 */
export async function drawBatch(request: BatchRequest): Promise<Tensor[]> {
  const { model, prompts, sampler, steps, noise, startCode, init, onStep } = request;
  const dims = [1, model.config.vae.embed_dim, request.height / SIZE_STEP, request.width / SIZE_STEP];
  const values = dims.reduce((product, dim) => product * dim, 1);
  const count = values * prompts.length;
  const ofBatch = (drawn: Float32Array) => drawn.subarray(0, count);
  const { timesteps, linear_start, linear_end } = model.config.diffusion;
  const shape = {
    steps,
    noiseSchedule: createNoiseSchedule({ timesteps, linearStart: linear_start, linearEnd: linear_end }),
    noise: ofBatch(startCode ?? noise.draw()),
    predictNoise: predictEach(request, dims),
    onStep,
  };
  const pictures = (latents: Float32Array) =>
    prompts.map((_, i) => tensor(latents.slice(i * values, (i + 1) * values), dims));
  if (sampler === 'dpm_solver') return pictures(await sampleDpmSolver(shape));

  const { sample, stepCount, defaultSchedule: schedule } = samplers[sampler];
  const input = { ...shape, schedule, ...(init && { init: { ...init, latents: ofBatch(init.latents) } }) };
  let draws = 0;
  const latents = await sample({
    ...input,
    eta: request.eta,
    drawNoise: () => {
      draws += 1;
      return ofBatch(noise.draw());
    },
    createBrownianNoise() {
      throw new Error('The original samplers do not solve the stochastic equation');
    },
  });
  // A step draws its noise also where eta is 0; the first step of PLMS takes place twice.
  noise.skip(stepCount(input) + (sampler === 'plms' ? 1 : 0) - draws);
  return pictures(latents);
}

/** One picture at a time, as everywhere: memory is bounded whatever the size of the batch. */
function predictEach(
  { model, prompts, guidanceScale }: BatchRequest,
  dims: readonly number[],
): SampleInput['predictNoise'] {
  const predictors = prompts.map((prompt) => createGuidedPredictor(model, prompt, guidanceScale));
  return async (latents, timestep) => {
    const values = latents.length / predictors.length;
    const predictions = new Float32Array(latents.length);
    for (const [i, predict] of predictors.entries()) {
      const own = latents.slice(i * values, (i + 1) * values);
      predictions.set((await predict(tensor(own, dims), timestep)).data, i * values);
    }
    return predictions;
  };
}
