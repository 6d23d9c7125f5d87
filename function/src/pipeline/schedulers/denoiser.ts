import type { NoiseSchedule } from './noise-schedule.ts';
import type { NoisePredictor, SampleInput, ScheduleName } from './sampler.ts';
import { karrasSigmas, normalSigmas, sigmaToTimestep } from './schedules.ts';
import { weightedSum } from './weighted-sum.ts';

/** Predicts the clean latents in `latents`, which are signal plus `sigma` times unit noise. */
type Denoiser = (latents: Float32Array, sigma: number) => Promise<Float32Array>;

/** The schedules of samplers that think in σ. */
export const sigmaSchedules = ['normal', 'karras'] as const satisfies readonly ScheduleName[];

/** What a loop over σ starts from. */
interface SigmaRun {
  /** σ₀ times unit noise. A1111 does not add the image's share of the variance, √(1 + σ₀²). */
  latents: Float32Array;
  /** Noise before each step and after the last: falling, ending in 0. */
  sigmas: Float64Array;
  denoise: Denoiser;
}

/** Turns a run over a model that predicts noise into one over a denoiser, as k-diffusion's samplers want. */
export function startSigmaRun({ noise, steps, schedule, noiseSchedule, predictNoise }: SampleInput): SigmaRun {
  const sigmas = schedule === 'karras' ? karrasSigmas(steps, noiseSchedule) : normalSigmas(steps, noiseSchedule);
  return {
    latents: weightedSum([sigmas[0] as number, noise]),
    sigmas,
    denoise: createDenoiser(predictNoise, noiseSchedule),
  };
}

/** Source: k-diffusion `DiscreteEpsDDPMDenoiser.forward`. */
function createDenoiser(predictNoise: NoisePredictor, noiseSchedule: NoiseSchedule): Denoiser {
  return async (latents, sigma) => {
    const unitVariance = weightedSum([1 / Math.sqrt(sigma ** 2 + 1), latents]);
    const noisePrediction = await predictNoise(unitVariance, sigmaToTimestep(sigma, noiseSchedule));
    return weightedSum([1, latents], [-sigma, noisePrediction]);
  };
}

/**
 * The slope dx/dσ towards the denoised latents.
 *
 * Source: k-diffusion `to_d`; Karras et al. (2022), equation 3.
 */
export function toDerivative(latents: Float32Array, sigma: number, denoised: Float32Array): Float32Array {
  return weightedSum([1 / sigma, latents], [-1 / sigma, denoised]);
}
