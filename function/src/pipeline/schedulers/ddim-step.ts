import type { NoiseSchedule } from './noise-schedule.ts';
import { ddimTimesteps } from './schedules.ts';
import { weightedSum } from './weighted-sum.ts';

/** One step of a DDIM run: from ᾱ `alpha` at `timestep` to ᾱ `alphaPrevious`, which is larger. */
export interface DdimStep {
  timestep: number;
  alpha: number;
  alphaPrevious: number;
}

/** The steps of a run, noisiest first. The last one ends at ᾱ₀, not at 1, as in the original. */
export function ddimSteps(steps: number, noiseSchedule: NoiseSchedule): DdimStep[] {
  const { alphasCumprod } = noiseSchedule;
  const timesteps = ddimTimesteps(steps, noiseSchedule.timesteps);
  return Array.from(timesteps, (timestep, i) => ({
    timestep,
    alpha: alphasCumprod[timestep] as number,
    alphaPrevious: alphasCumprod[timesteps[i + 1] ?? 0] as number,
  }));
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
