import { sigmaSchedules, startSigmaRun, toDerivative } from './denoiser.ts';
import { createSampler, type SampleInput } from './sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * Euler's method with fresh noise in every step but the last: k-diffusion `sample_euler_ancestral`. The image
 * keeps changing with the number of steps.
 */
export const eulerAncestral = createSampler({
  name: 'euler_a',
  label: 'Euler a',
  schedules: sigmaSchedules,
  defaultSchedule: 'normal',
  usesEta: true,
  defaultEta: 1,
  stepCount: (steps) => steps,
  sample: sampleEulerAncestral,
});

async function sampleEulerAncestral(input: SampleInput): Promise<Float32Array> {
  const { sigmas, denoise, ...start } = startSigmaRun(input);
  let { latents } = start;
  for (let i = 0; i < input.steps; i++) {
    const sigma = sigmas[i] as number;
    const { sigmaDown, sigmaUp } = ancestralStep(sigma, sigmas[i + 1] as number, input.eta);
    const denoised = await denoise(latents, sigma);
    const derivative = toDerivative(latents, sigma, denoised);
    latents = weightedSum([1, latents], [sigmaDown - sigma, derivative]);
    if (sigmaUp > 0) latents = weightedSum([1, latents], [sigmaUp, input.drawNoise()]);
    await input.onStep?.(i + 1, input.steps, latents);
  }
  return latents;
}

/**
 * Splits the way from one noise level to the next: down to `sigmaDown`, then up again by `sigmaUp` of
 * fresh noise.
 *
 * Source: k-diffusion `get_ancestral_step`.
 */
function ancestralStep(sigmaFrom: number, sigmaTo: number, eta: number) {
  const variance = (sigmaTo ** 2 * (sigmaFrom ** 2 - sigmaTo ** 2)) / sigmaFrom ** 2;
  const sigmaUp = eta * Math.sqrt(variance);
  return { sigmaDown: Math.sqrt(sigmaTo ** 2 - sigmaUp ** 2), sigmaUp };
}
