import type { SamplerName, ScheduleName } from '@safelight/sdk/contract';
import type { NoiseSchedule } from './noise-schedule.ts';

export type { SamplerName, ScheduleName } from '@safelight/sdk/contract';

/**
 * Predicts the noise in latents; guidance happens inside.
 *
 * @param latents Float32, of unit variance, as the UNet expects them. Not to be kept or changed.
 * @param timestep From 0 to the last of the noise schedule; fractional with samplers that think in σ.
 * @returns The noise, float32, as many values as `latents`. Not to be reused: the sampler may keep it.
 */
export type NoisePredictor = (latents: Float32Array, timestep: number) => Promise<Float32Array>;

/** Unit normal noise for the way from one σ to a lower one; ways that meet or overlap have noise in common. */
export type BrownianNoise = (sigma: number, sigmaNext: number) => Float32Array;

/** Fresh noise on the way, beyond `eta`: Karras et al. (2022), algorithm 2. */
export interface NoiseSettings {
  /** S_churn: how much noise to add over the whole run, at levels from `sTmin` to `sTmax`. */
  sChurn: number;
  /** Lowest σ at which to add it. */
  sTmin: number;
  /** Highest σ at which to add it; Infinity for no limit. */
  sTmax: number;
  /** S_noise: what fresh noise is multiplied by. */
  sNoise: number;
}

export const defaultNoiseSettings: NoiseSettings = { sChurn: 0, sTmin: 0, sTmax: Number.POSITIVE_INFINITY, sNoise: 1 };

/** A picture to start from. */
export interface InitialImage {
  /** Its latents, of unit variance. */
  latents: Float32Array;
  /** 0 keeps the picture, 1 keeps next to nothing of it. */
  strength: number;
  /** 1 where to draw, 0 where to keep the picture, as many values as `latents`; absent, all is drawn. */
  mask?: Float32Array;
}

/** What decides how many steps a run has. */
export interface RunShape {
  /** The number of steps asked for; {@link Sampler.stepCount} says how many that makes. */
  steps: number;
  /** One of the sampler's `schedules`. */
  schedule: ScheduleName;
  noiseSchedule: NoiseSchedule;
  /** Absent, the run starts from noise alone. */
  init?: InitialImage;
}

/** What one run of a sampler needs. */
export interface SampleInput extends RunShape {
  /** Unit normal noise to start from, float32. */
  noise: Float32Array;
  /** Fresh noise per step, from 0 (none) to 1; 0 for a sampler that does not use it. */
  eta: number;
  /** @defaultValue {@link defaultNoiseSettings} */
  noiseSettings?: NoiseSettings;
  predictNoise: NoisePredictor;
  /** Fresh unit normal noise, as many values as `noise`. */
  drawNoise: () => Float32Array;
  /** Brownian motion between two σ, for samplers that solve the stochastic equation; called once per run. */
  createBrownianNoise: (sigmaMin: number, sigmaMax: number) => BrownianNoise;
  /**
   * Called after each step and awaited; throw to stop the run. `step` counts from 1 to `steps`, which is
   * {@link Sampler.stepCount}. `latents` are in the sampler's own scale: of unit variance for `ddim`, `plms` and
   * `unipc`, growing with the noise for the others.
   */
  onStep?: (step: number, steps: number, latents: Float32Array) => void | Promise<void>;
}

/** What is true of a sampler whatever the run. */
export interface SamplerTraits {
  name: SamplerName;
  /** AUTOMATIC1111's name, as it stands in image metadata. */
  label: string;
  schedules: readonly ScheduleName[];
  /** The schedule that AUTOMATIC1111 picks under "Automatic". */
  defaultSchedule: ScheduleName;
  /** Whether `eta` has a meaning here; if not it must be 0. */
  usesEta: boolean;
  defaultEta: number;
  /** Which of {@link NoiseSettings} have a meaning here; the others must be left at their defaults. */
  noiseSettings: readonly (keyof NoiseSettings)[];
  /** Whether a step predicts noise twice. AUTOMATIC1111 counts prompt editing in predictions. */
  isSecondOrder: boolean;
}

/** A way from noise to an image's latents. */
export interface Sampler extends SamplerTraits {
  /** How many steps are really run. */
  stepCount(shape: RunShape): number;
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

/**
 * How many steps of `steps` come after the picture has been noised. The picture is never noised more than in the last
 * step but one, as A1111 does and as CompVis' script, which fails at a strength of 1, means.
 */
export function stepsOfStrength(steps: number, strength: number): number {
  return Math.trunc(Math.min(strength, 0.999) * steps);
}

function assertPossible(sampler: Sampler, { steps, schedule, eta, noiseSettings }: SampleInput): void {
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
  for (const [name, value] of Object.entries(noiseSettings ?? {})) {
    const isOwn = sampler.noiseSettings.includes(name as keyof NoiseSettings);
    if (!(value >= 0) || (!isOwn && value !== defaultNoiseSettings[name as keyof NoiseSettings])) {
      throw new RangeError(`${sampler.label} does not take ${name} = ${value}.`);
    }
  }
}
