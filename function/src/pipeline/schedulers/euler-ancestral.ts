import { ancestralStep } from './ancestral-step.ts';
import { toDerivative } from './denoiser.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * Euler's method with fresh noise in every step but the last: k-diffusion `sample_euler_ancestral`. The image
 * keeps changing with the number of steps.
 */
export const eulerAncestral = createSigmaSampler(
  { name: 'euler_a', label: 'Euler a', usesEta: true, defaultEta: 1, noiseSettings: ['sNoise'] },
  sampleEulerAncestral,
);

async function sampleEulerAncestral(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const { sigmaDown, sigmaUp } = ancestralStep(sigma, sigmaNext, run.eta);
    const derivative = toDerivative(latents, sigma, await run.denoise(latents, sigma));
    latents = weightedSum([1, latents], [sigmaDown - sigma, derivative]);
    if (sigmaUp > 0) latents = weightedSum([1, latents], [run.sNoise * sigmaUp, run.drawNoise()]);
    await run.report(latents);
  }
  return latents;
}
