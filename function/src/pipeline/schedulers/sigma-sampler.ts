import { createDenoiser, type Denoiser } from './denoiser.ts';
import {
  type BrownianNoise,
  createSampler,
  defaultNoiseSettings,
  type NoiseSettings,
  type RunShape,
  type SampleInput,
  type Sampler,
  type SamplerTraits,
  stepsOfStrength,
} from './sampler.ts';
import { sigmaSchedules } from './sigma-schedules.ts';
import { weightedSum } from './weighted-sum.ts';

/** What a loop over σ works with. */
export interface SigmaRun extends NoiseSettings {
  /** σ₀ times unit noise, on top of the initial image if there is one. */
  latents: Float32Array;
  /** Noise before each step and after the last: falling, ending in 0. */
  sigmas: Float64Array;
  denoise: Denoiser;
  eta: number;
  drawNoise: () => Float32Array;
  /** Only for loops that say they use it. */
  brownianNoise: BrownianNoise;
  /** To be called after each step. */
  report: (latents: Float32Array) => Promise<void>;
}

interface SigmaSamplerTraits extends Partial<Omit<SamplerTraits, 'name' | 'label'>> {
  name: SamplerTraits['name'];
  label: string;
  /** Whether the lowest level above 0 is left out, as these samplers look better without. */
  dropsPenultimateSigma?: boolean;
  usesBrownianNoise?: boolean;
  /** How many steps the loop makes of these levels. @defaultValue one for each level but the last */
  countSteps?: (sigmas: Float64Array) => number;
  /** How the noise levels are found and noise predicted, where not in the usual way. */
  createDenoiser?: typeof createDenoiser;
  /** The noise schedule whose levels are spread over the steps. @defaultValue the model's */
  deriveSchedule?: (noiseSchedule: RunShape['noiseSchedule']) => RunShape['noiseSchedule'];
}

const oneStepPerLevel = (sigmas: Float64Array) => sigmas.length - 1;

/** A sampler whose loop runs over σ, as k-diffusion's do, on any schedule. */
export function createSigmaSampler(
  traits: SigmaSamplerTraits,
  loop: (run: SigmaRun) => Promise<Float32Array>,
): Sampler {
  const {
    dropsPenultimateSigma = false,
    usesBrownianNoise = false,
    countSteps = oneStepPerLevel,
    createDenoiser: denoiserOf = createDenoiser,
    deriveSchedule = (noiseSchedule) => noiseSchedule,
    ...known
  } = traits;

  function levels({ steps, schedule, noiseSchedule }: RunShape): Float64Array {
    const spread = sigmaSchedules[schedule];
    const derived = deriveSchedule(noiseSchedule);
    if (!dropsPenultimateSigma) return spread(steps, derived);
    const sigmas = spread(steps + 1, derived);
    return Float64Array.of(...sigmas.subarray(0, -2), 0);
  }

  function levelsFromInit(shape: RunShape): Float64Array {
    const sigmas = levels(shape);
    if (shape.init === undefined) return sigmas;
    return sigmas.subarray(Math.max(shape.steps - stepsOfStrength(shape.steps, shape.init.strength) - 1, 0));
  }

  async function sample(input: SampleInput): Promise<Float32Array> {
    const { init, noise, onStep, noiseSchedule } = input;
    const sigmas = levelsFromInit(input);
    const steps = countSteps(sigmas);
    const scaledNoise = [sigmas[0] as number, noise] as const;
    let step = 0;
    return loop({
      // A1111 does not add the image's share of the variance, √(1 + σ₀²).
      latents: init === undefined ? weightedSum(scaledNoise) : weightedSum([1, init.latents], scaledNoise),
      sigmas,
      denoise: denoiserOf(input.predictNoise, noiseSchedule, init),
      eta: input.eta,
      ...(input.noiseSettings ?? defaultNoiseSettings),
      drawNoise: input.drawNoise,
      brownianNoise: usesBrownianNoise ? brownianNoiseOf(input, levels(input)) : noBrownianNoise,
      report: async (latents) => {
        step += 1;
        await onStep?.(step, steps, latents);
      },
    });
  }

  return createSampler({
    schedules: Object.keys(sigmaSchedules) as Sampler['schedules'][number][],
    defaultSchedule: 'normal',
    usesEta: false,
    defaultEta: 0,
    noiseSettings: [],
    isSecondOrder: false,
    ...known,
    stepCount: (shape) => countSteps(levelsFromInit(shape)),
    sample,
  });
}

/** The motion spans the whole schedule, also where a run from an image starts in its midst. */
function brownianNoiseOf({ createBrownianNoise }: SampleInput, sigmas: Float64Array): BrownianNoise {
  return createBrownianNoise(sigmas.at(-2) as number, sigmas[0] as number);
}

function noBrownianNoise(): never {
  throw new Error('This sampler is not declared to use Brownian noise');
}

/** One step of a loop: from a noise level to the next. */
interface SigmaStep {
  i: number;
  sigma: number;
  /** 0 in the last step. */
  sigmaNext: number;
}

export function* stepsOver(sigmas: Float64Array): Generator<SigmaStep> {
  for (let i = 0; i + 1 < sigmas.length; i += 1) {
    yield { i, sigma: sigmas[i] as number, sigmaNext: sigmas[i + 1] as number };
  }
}
