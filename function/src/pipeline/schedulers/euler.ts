import { sigmaSchedules, startSigmaRun, toDerivative } from './denoiser.ts';
import { createSampler, type SampleInput } from './sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/** Euler's method: Karras et al. (2022), algorithm 2 without churn; k-diffusion `sample_euler`. */
export const euler = createSampler({
  name: 'euler',
  label: 'Euler',
  schedules: sigmaSchedules,
  defaultSchedule: 'normal',
  usesEta: false,
  defaultEta: 0,
  stepCount: (steps) => steps,
  sample: sampleEuler,
});

async function sampleEuler(input: SampleInput): Promise<Float32Array> {
  const { sigmas, denoise, ...start } = startSigmaRun(input);
  let { latents } = start;
  for (let i = 0; i < input.steps; i++) {
    const sigma = sigmas[i] as number;
    const sigmaNext = sigmas[i + 1] as number;
    const denoised = await denoise(latents, sigma);
    const derivative = toDerivative(latents, sigma, denoised);
    latents = weightedSum([1, latents], [sigmaNext - sigma, derivative]);
    await input.onStep?.(i + 1, input.steps, latents);
  }
  return latents;
}
