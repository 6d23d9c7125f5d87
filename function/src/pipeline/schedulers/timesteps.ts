import type { NoiseSchedule } from './noise-schedule.ts';

/**
 * The training timesteps that DDIM and PLMS visit, falling: `range(0, 1000, 1000 // steps) + 1`, reversed.
 *
 * The originals' arithmetic is kept because images depend on it: the number of timesteps is not always
 * `steps` (30 gives 31, 400 gives 500), and some counts reach 1000, one past the table, where the original
 * fails; like A1111 we stay at 999, so that 1000 steps visit 999 twice.
 *
 * Source: `make_ddim_timesteps('uniform')` in CompVis/stable-diffusion.
 *
 * @param trainingTimesteps Size of the noise schedule.
 * @throws RangeError if there are more steps than training timesteps.
 */
export function ddimTimesteps(steps: number, trainingTimesteps: number): Int32Array {
  if (steps > trainingTimesteps) {
    throw new RangeError(`At most ${trainingTimesteps} steps are possible here, not ${steps}.`);
  }
  const stride = Math.floor(trainingTimesteps / steps);
  const count = Math.ceil(trainingTimesteps / stride);
  return Int32Array.from({ length: count }, (_, i) => Math.min((count - 1 - i) * stride + 1, trainingTimesteps - 1));
}

/** σ at a timestep that may fall between two of the table: linear in log σ. */
export function timestepToSigma(timestep: number, { sigmas }: NoiseSchedule): number {
  const low = Math.floor(timestep);
  const weight = timestep - low;
  const lowSigma = sigmas[low] as number;
  if (weight === 0) return lowSigma;
  const highSigma = sigmas[low + 1] as number;
  return Math.exp((1 - weight) * Math.log(lowSigma) + weight * Math.log(highSigma));
}

/**
 * The timestep, usually fractional, whose noise level is σ: linear in log σ, clipped to the table.
 *
 * Source: k-diffusion `DiscreteSchedule.sigma_to_t` with `quantize=False`.
 */
export function sigmaToTimestep(sigma: number, { sigmas }: NoiseSchedule): number {
  let low = 0;
  let high = sigmas.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((sigmas[middle] as number) <= sigma) low = middle;
    else high = middle;
  }
  const logLow = Math.log(sigmas[low] as number);
  const logHigh = Math.log(sigmas[high] as number);
  const weight = (Math.log(sigma) - logLow) / (logHigh - logLow);
  return low + Math.min(Math.max(weight, 0), 1);
}
