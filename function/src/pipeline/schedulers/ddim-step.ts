import { keepUnmasked } from './denoiser.ts';
import { type RunShape, type SampleInput, stepsOfStrength } from './sampler.ts';
import { ddimTimesteps } from './timesteps.ts';
import { weightedSum } from './weighted-sum.ts';

/** One step of a DDIM run: from ᾱ `alpha` at `timestep` to ᾱ `alphaPrevious`, which is larger. */
export interface DdimStep {
  timestep: number;
  alpha: number;
  alphaPrevious: number;
}

/** The steps of a run, noisiest first. The last one ends at ᾱ₀, not at 1, as in the original. */
export function ddimSteps(shape: RunShape): DdimStep[] {
  const { steps, noiseSchedule, init } = shape;
  const { alphasCumprod } = noiseSchedule;
  const timesteps = ddimTimesteps(steps, noiseSchedule.timesteps);
  const all = Array.from(timesteps, (timestep, i) => ({
    timestep,
    alpha: alphasCumprod[timestep] as number,
    alphaPrevious: alphasCumprod[timesteps[i + 1] ?? 0] as number,
  }));
  return init === undefined ? all : all.slice(all.length - stepsOfStrength(steps, init.strength));
}

/**
 * What a run starts from: noise, or an image with the noise of the level above the first step.
 *
 * Source: `DDIMSampler.stochastic_encode` in CompVis/stable-diffusion.
 */
export function ddimStart({ init, noise, steps, noiseSchedule }: SampleInput): Float32Array {
  if (init === undefined) return noise;
  const timesteps = ddimTimesteps(steps, noiseSchedule.timesteps);
  const index = timesteps.length - 1 - stepsOfStrength(steps, init.strength);
  const alpha = noiseSchedule.alphasCumprod[timesteps[index] as number] as number;
  return weightedSum([Math.sqrt(alpha), init.latents], [Math.sqrt(1 - alpha), noise]);
}

/**
 * Puts the initial image, with the noise of this step, back where it is to be kept.
 *
 * Source: `DDIMSampler.ddim_sampling` with a mask.
 */
export function keepNoisyImage({ init, drawNoise }: SampleInput, latents: Float32Array, alpha: number): Float32Array {
  if (init?.mask === undefined) return latents;
  const noisy = weightedSum([Math.sqrt(alpha), init.latents], [Math.sqrt(1 - alpha), drawNoise()]);
  return keepUnmasked(latents, { ...init, latents: noisy });
}

/**
 * Moves latents one step: removes the predicted noise, then adds it back at the lower level.
 *
 * Source: Song et al., "Denoising diffusion implicit models" (2020), equation 12;
 * `DDIMSampler.p_sample_ddim` in CompVis/stable-diffusion.
 *
 * @param sigma Standard deviation of the fresh noise that the caller will add; it makes room for it.
 */
export function ddimStep(
  latents: Float32Array,
  noisePrediction: Float32Array,
  { alpha, alphaPrevious }: DdimStep,
  sigma = 0,
): Float32Array {
  const predictedOriginal = weightedSum(
    [1 / Math.sqrt(alpha), latents],
    [-Math.sqrt(1 - alpha) / Math.sqrt(alpha), noisePrediction],
  );
  const direction = Math.sqrt(1 - alphaPrevious - sigma ** 2);
  return weightedSum([Math.sqrt(alphaPrevious), predictedOriginal], [direction, noisePrediction]);
}
