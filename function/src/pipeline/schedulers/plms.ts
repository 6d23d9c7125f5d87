import { ddimStart, ddimStep, ddimSteps, keepNoisyImage } from './ddim-step.ts';
import { createSampler, type NoisePredictor, type SampleInput } from './sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * Pseudo linear multistep (Liu et al., "Pseudo numerical methods for diffusion models on manifolds", 2022),
 * `PLMSSampler` in CompVis/stable-diffusion: a DDIM step along a mean of the last noise predictions.
 * It predicts noise twice in its first step.
 */
export const plms = createSampler({
  name: 'plms',
  label: 'PLMS',
  schedules: ['ddim_uniform'],
  defaultSchedule: 'ddim_uniform',
  usesEta: false,
  defaultEta: 0,
  noiseSettings: [],
  isSecondOrder: false,
  stepCount: (shape) => ddimSteps(shape).length,
  sample: samplePlms,
});

async function samplePlms(input: SampleInput): Promise<Float32Array> {
  const { predictNoise, onStep } = input;
  const steps = ddimSteps(input);
  let latents = ddimStart(input);
  let earlier: Float32Array[] = []; // the last three predictions, newest first
  for (const [i, step] of steps.entries()) {
    latents = keepNoisyImage(input, latents, step.alpha);
    const current = await predictNoise(latents, step.timestep);
    const [first] = earlier;
    const noisePrediction = first
      ? multistepNoise(current, first, earlier)
      : await improvedEulerNoise(current, ddimStep(latents, current, step), nextTimestep(i), predictNoise);
    latents = ddimStep(latents, noisePrediction, step);
    earlier = [current, ...earlier.slice(0, 2)];
    await onStep?.(i + 1, steps.length, latents);
  }
  return latents;

  function nextTimestep(i: number): number {
    return (steps[Math.min(i + 1, steps.length - 1)] as (typeof steps)[number]).timestep;
  }
}

/** With nothing to look back on: the mean of the predictions at both ends of the step (2nd order). */
async function improvedEulerNoise(
  current: Float32Array,
  nextLatents: Float32Array,
  timestep: number,
  predictNoise: NoisePredictor,
): Promise<Float32Array> {
  const next = await predictNoise(nextLatents, timestep);
  return weightedSum([1 / 2, current], [1 / 2, next]);
}

/** Adams–Bashforth, of as high an order up to 4 as there are earlier predictions for. */
function multistepNoise(
  current: Float32Array,
  first: Float32Array,
  [, second, third]: readonly Float32Array[],
): Float32Array {
  if (!second) return weightedSum([3 / 2, current], [-1 / 2, first]);
  if (!third) return weightedSum([23 / 12, current], [-16 / 12, first], [5 / 12, second]);
  return weightedSum([55 / 24, current], [-59 / 24, first], [37 / 24, second], [-9 / 24, third]);
}
