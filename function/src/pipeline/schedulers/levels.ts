import { linspace, type NoiseSchedule } from './noise-schedule.ts';

/** A place on the way from noise to picture. */
export interface Level {
  timestep: number;
  /** √ᾱ */
  alpha: number;
  /** √(1 − ᾱ) */
  sigma: number;
  /** log(alpha / sigma), half the logarithm of the signal-to-noise ratio: the time of the DPM-Solver papers. */
  lambda: number;
}

/** Levels at even timesteps from the noisiest to the cleanest: one more than steps. */
export function evenLevels(steps: number, noiseSchedule: NoiseSchedule): Level[] {
  const timesteps = linspace(noiseSchedule.timesteps - 1, 0, steps + 1);
  return Array.from(timesteps, (timestep) => levelAt(timestep, noiseSchedule));
}

/** Between two timesteps log α is taken to be linear, as in the authors' `NoiseScheduleVP`. */
function levelAt(timestep: number, { alphasCumprod }: NoiseSchedule): Level {
  const low = Math.floor(timestep);
  const weight = timestep - low;
  const logAlphaAt = (index: number) => Math.log(alphasCumprod[index] as number) / 2;
  const logAlpha = weight === 0 ? logAlphaAt(low) : (1 - weight) * logAlphaAt(low) + weight * logAlphaAt(low + 1);
  const sigma = Math.sqrt(-Math.expm1(2 * logAlpha));
  return { timestep, alpha: Math.exp(logAlpha), sigma, lambda: logAlpha - Math.log(sigma) };
}
