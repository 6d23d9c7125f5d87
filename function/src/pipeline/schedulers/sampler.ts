import type { SamplerName, ScheduleName } from '@safelight/sdk/contract';
import type { NoiseSchedule } from './noise-schedule.ts';

export type { SamplerName, ScheduleName } from '@safelight/sdk/contract';

/**
 * Predicts the noise in latents; guidance happens inside.
 *
 * @param latents Float32, of unit variance, as the UNet expects them. Not to be kept or changed.
 * @param timestep From 0 to the last of the noise schedule; fractional with `normal` and `karras`.
 * @returns The noise, float32, as many values as `latents`. Not to be reused: the sampler may keep it.
 */
export type NoisePredictor = (latents: Float32Array, timestep: number) => Promise<Float32Array>;

/** What one run of a sampler needs. */
export interface SampleInput {
  /** Unit normal noise to start from, float32. */
  noise: Float32Array;
  /** The number of steps asked for; {@link Sampler.stepCount} says how many that makes. */
  steps: number;
  /** One of the sampler's `schedules`. */
  schedule: ScheduleName;
  /** Fresh noise per step, from 0 (none) to 1; 0 for a sampler that does not use it. */
  eta: number;
  noiseSchedule: NoiseSchedule;
  predictNoise: NoisePredictor;
  /** Fresh unit normal noise, as many values as `noise`. */
  drawNoise: () => Float32Array;
  /**
   * Called after each step and awaited; throw to stop the run. `step` counts from 1 to `steps`, which is
   * {@link Sampler.stepCount}. `latents` are in the sampler's own scale: of unit variance for `ddim` and
   * `plms`, growing with the noise for the others.
   */
  onStep?: (step: number, steps: number, latents: Float32Array) => void | Promise<void>;
}

/** A way from noise to an image's latents. */
export interface Sampler {
  name: SamplerName;
  /** AUTOMATIC1111's name, as it stands in image metadata. */
  label: string;
  schedules: readonly ScheduleName[];
  /** The schedule that AUTOMATIC1111 picks under "Automatic". */
  defaultSchedule: ScheduleName;
  /** Whether `eta` has a meaning here; if not it must be 0. */
  usesEta: boolean;
  defaultEta: number;
  /**
   * How many steps are really run.
   *
   * @param trainingTimesteps Size of the noise schedule. @defaultValue 1000
   */
  stepCount(steps: number, trainingTimesteps?: number): number;
  /**
   * Runs the sampler.
   *
   * @returns The final latents, in the scale of the UNet: the caller divides by the VAE's scaling factor.
   * @throws RangeError if steps, schedule or eta are not possible with this sampler.
   */
  sample(input: SampleInput): Promise<Float32Array>;
}

/** A sampler around its loop: `sample` first checks the input, so that no loop has to. */
export function createSampler(sampler: Sampler): Sampler {
  return {
    ...sampler,
    async sample(input) {
      assertPossible(sampler, input);
      return sampler.sample(input);
    },
  };
}

function assertPossible(sampler: Sampler, { steps, schedule, eta }: SampleInput): void {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new RangeError(`The number of steps is a whole number from 1 on, not ${steps}.`);
  }
  if (!sampler.schedules.includes(schedule)) {
    throw new RangeError(`${sampler.label} runs on the schedules ${sampler.schedules.join(', ')}, not on ${schedule}.`);
  }
  const maximumEta = sampler.usesEta ? 1 : 0;
  // Written so that NaN fails too.
  if (!(eta >= 0 && eta <= maximumEta)) {
    throw new RangeError(`${sampler.label} takes an eta from 0 to ${maximumEta}, not ${eta}.`);
  }
}
