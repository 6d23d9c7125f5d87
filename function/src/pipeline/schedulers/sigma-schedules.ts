import { inverseIncompleteBeta } from './incomplete-beta.ts';
import { linspace, type NoiseSchedule } from './noise-schedule.ts';
import type { ScheduleName } from './sampler.ts';
import { sigmaToTimestep, timestepToSigma } from './timesteps.ts';

/**
 * The noise levels of a run: σ falling from the model's noisiest, then 0. `steps + 1` numbers, but for
 * `ddim_uniform`, which may hold more (see `ddimTimesteps`).
 */
type SigmaSchedule = (steps: number, noiseSchedule: NoiseSchedule) => Float64Array;

/** The ρ that Karras et al. (2022) found best, and A1111's default. */
const KARRAS_RHO = 7;
/** Lee et al., "Beta sampling is all you need" (2024); A1111's defaults. */
const BETA_SHAPE = 0.6;
/** Sabour et al., "Align your steps" (2024): the ten steps found best for Stable Diffusion v1. */
const ALIGNED_SIGMAS = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029];

/** Every way to spread noise levels over the steps, as A1111's `modules/sd_schedulers.py` computes it. */
export const sigmaSchedules: Readonly<Record<ScheduleName, SigmaSchedule>> = {
  normal: normalSigmas,
  karras: karrasSigmas,
  exponential: exponentialSigmas,
  sgm_uniform: sgmUniformSigmas,
  simple: simpleSigmas,
  ddim_uniform: ddimUniformSigmas,
  beta: betaSigmas,
  align_your_steps: alignedSigmas,
};

/**
 * σ at evenly spaced timesteps from the noisiest to the cleanest.
 *
 * Source: k-diffusion `DiscreteSchedule.get_sigmas`. A1111 calls it "Uniform" (its "Normal" is the same
 * but for rounding), and uses it under "Automatic" for samplers without a preference.
 */
function normalSigmas(steps: number, noiseSchedule: NoiseSchedule): Float64Array {
  return endingInZero(linspace(noiseSchedule.sigmas.length - 1, 0, steps), (t) => timestepToSigma(t, noiseSchedule));
}

/**
 * σ evenly spaced in σ^(1/ρ) from the noisiest to the cleanest.
 *
 * Source: Karras et al., "Elucidating the design space of diffusion-based generative models" (2022),
 * equation 5; k-diffusion `get_sigmas_karras` between the ends of the model's own σ, as A1111 calls it.
 */
function karrasSigmas(steps: number, { sigmas }: NoiseSchedule): Float64Array {
  return karrasBetween(steps, sigmas[0] as number, sigmas.at(-1) as number);
}

/** {@link karrasSigmas} between ends of one's own; the 0 at the end included. */
export function karrasBetween(steps: number, sigmaMin: number, sigmaMax: number): Float64Array {
  const roots = linspace(sigmaMax ** (1 / KARRAS_RHO), sigmaMin ** (1 / KARRAS_RHO), steps);
  return endingInZero(roots, (root) => root ** KARRAS_RHO);
}

/** σ evenly spaced in log σ. Source: k-diffusion `get_sigmas_exponential`. */
function exponentialSigmas(steps: number, { sigmas }: NoiseSchedule): Float64Array {
  const logs = linspace(Math.log(sigmas.at(-1) as number), Math.log(sigmas[0] as number), steps);
  return endingInZero(logs, Math.exp);
}

/** Evenly spaced timesteps without the cleanest: the spacing of Stability's generative-models. */
function sgmUniformSigmas(steps: number, noiseSchedule: NoiseSchedule): Float64Array {
  const start = sigmaToTimestep(noiseSchedule.sigmas.at(-1) as number, noiseSchedule);
  const timesteps = linspace(start, 0, steps + 1).subarray(0, steps);
  return endingInZero(timesteps, (timestep) => timestepToSigma(timestep, noiseSchedule));
}

/** Whole timesteps, evenly spaced but for rounding, from the noisiest. */
function simpleSigmas(steps: number, { sigmas }: NoiseSchedule): Float64Array {
  const stride = sigmas.length / steps;
  const indices = Float64Array.from({ length: steps }, (_, i) => sigmas.length - 1 - Math.trunc(i * stride));
  return endingInZero(indices, (index) => sigmas[index] as number);
}

/** The timesteps of DDIM for samplers that think in σ; unlike `ddimTimesteps` it never reaches past the table. */
function ddimUniformSigmas(steps: number, { sigmas }: NoiseSchedule): Float64Array {
  const stride = Math.max(Math.floor(sigmas.length / steps), 1);
  const count = Math.ceil((sigmas.length - 1) / stride);
  const indices = Float64Array.from({ length: count }, (_, i) => 1 + (count - 1 - i) * stride);
  return endingInZero(indices, (index) => sigmas[index] as number);
}

/** σ at quantiles of a beta distribution: dense at both ends. */
function betaSigmas(steps: number, { sigmas }: NoiseSchedule): Float64Array {
  const low = sigmas[0] as number;
  const high = sigmas.at(-1) as number;
  return endingInZero(linspace(0, 1, steps), (share) => {
    return low + inverseIncompleteBeta(1 - share, BETA_SHAPE, BETA_SHAPE) * (high - low);
  });
}

/** The aligned levels, and for other numbers of steps what lies between them in log σ. */
function alignedSigmas(steps: number): Float64Array {
  const last = ALIGNED_SIGMAS.length - 1;
  return endingInZero(linspace(0, last, steps), (position) => {
    const low = Math.min(Math.floor(position), last - 1);
    const weight = position - low;
    const logSigma = (index: number) => Math.log(ALIGNED_SIGMAS[index] as number);
    return Math.exp((1 - weight) * logSigma(low) + weight * logSigma(low + 1));
  });
}

function endingInZero(places: Float64Array, toSigma: (place: number) => number): Float64Array {
  const sigmas = new Float64Array(places.length + 1);
  for (const [i, place] of places.entries()) sigmas[i] = toSigma(place);
  return sigmas;
}
