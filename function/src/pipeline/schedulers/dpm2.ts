import { addChurn, churnSettings } from './churn.ts';
import { type Denoiser, toDerivative } from './denoiser.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/** DPM-Solver-2 (Lu et al. 2022) with churn: k-diffusion `sample_dpm_2`. Two predictions in all steps but the last. */
export const dpm2 = createSigmaSampler(
  {
    name: 'dpm2',
    label: 'DPM2',
    defaultSchedule: 'karras',
    noiseSettings: churnSettings,
    isSecondOrder: true,
    dropsPenultimateSigma: true,
  },
  sampleDpm2,
);

async function sampleDpm2(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const noisier = addChurn(run, latents, sigma);
    latents = await midpointStep(run.denoise, noisier.latents, noisier.sigmaHat, sigmaNext);
    await run.report(latents);
  }
  return latents;
}

/** Along the slope half-way in log σ; to σ = 0, which has no half-way, along the slope at the start. */
export async function midpointStep(
  denoise: Denoiser,
  latents: Float32Array,
  sigma: number,
  sigmaNext: number,
): Promise<Float32Array> {
  const slope = toDerivative(latents, sigma, await denoise(latents, sigma));
  if (sigmaNext === 0) return weightedSum([1, latents], [-sigma, slope]);
  const sigmaMiddle = Math.sqrt(sigma * sigmaNext);
  const middle = weightedSum([1, latents], [sigmaMiddle - sigma, slope]);
  const slopeThere = toDerivative(middle, sigmaMiddle, await denoise(middle, sigmaMiddle));
  return weightedSum([1, latents], [sigmaNext - sigma, slopeThere]);
}
