import type { NoiseSchedule } from './noise-schedule.ts';
import type { InitialImage, NoisePredictor } from './sampler.ts';
import { sigmaToTimestep } from './timesteps.ts';
import { weightedSum } from './weighted-sum.ts';

/** Predicts the clean latents in `latents`, which are signal plus `sigma` times unit noise. */
export type Denoiser = (latents: Float32Array, sigma: number) => Promise<Float32Array>;

/**
 * Turns a model that predicts noise into a denoiser, as k-diffusion's samplers want one. Where a mask says so, the
 * initial image is what comes of denoising: A1111's way of inpainting with any model.
 *
 * Source: k-diffusion `DiscreteEpsDDPMDenoiser.forward`.
 */
export function createDenoiser(
  predictNoise: NoisePredictor,
  noiseSchedule: NoiseSchedule,
  init?: InitialImage,
): Denoiser {
  return async (latents, sigma) => {
    const unitVariance = weightedSum([1 / Math.sqrt(sigma ** 2 + 1), latents]);
    const noisePrediction = await predictNoise(unitVariance, sigmaToTimestep(sigma, noiseSchedule));
    return keepUnmasked(weightedSum([1, latents], [-sigma, noisePrediction]), init);
  };
}

/** The drawn latents where the mask is 1, those of the initial image where it is 0. */
export function keepUnmasked(latents: Float32Array, init: InitialImage | undefined): Float32Array {
  const { mask, latents: kept } = init ?? {};
  if (mask === undefined || kept === undefined) return latents;
  return latents.map((value, i) => value * (mask[i] as number) + (kept[i] as number) * (1 - (mask[i] as number)));
}

/**
 * The slope dx/dσ towards the denoised latents.
 *
 * Source: k-diffusion `to_d`; Karras et al. (2022), equation 3.
 */
export function toDerivative(latents: Float32Array, sigma: number, denoised: Float32Array): Float32Array {
  return weightedSum([1 / sigma, latents], [-1 / sigma, denoised]);
}
