import { addChurn, churnSettings } from './churn.ts';
import { type Denoiser, toDerivative } from './denoiser.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/** Heun's method: Karras et al. (2022), algorithm 2; k-diffusion `sample_heun`. Two predictions in all steps but the last. */
export const heun = createSigmaSampler(
  { name: 'heun', label: 'Heun', noiseSettings: churnSettings, isSecondOrder: true },
  sampleHeun,
);

async function sampleHeun(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const noisier = addChurn(run, latents, sigma);
    latents = await heunStep(run.denoise, noisier.latents, noisier.sigmaHat, sigmaNext);
    await run.report(latents);
  }
  return latents;
}

/** Along the mean of the slopes at both ends; to σ = 0, where there is no slope, along the first. */
export async function heunStep(
  denoise: Denoiser,
  latents: Float32Array,
  sigma: number,
  sigmaNext: number,
): Promise<Float32Array> {
  const step = sigmaNext - sigma;
  const slope = toDerivative(latents, sigma, await denoise(latents, sigma));
  const eulerLatents = weightedSum([1, latents], [step, slope]);
  if (sigmaNext === 0) return eulerLatents;
  const slopeThere = toDerivative(eulerLatents, sigmaNext, await denoise(eulerLatents, sigmaNext));
  return weightedSum([1, latents], [step / 2, slope], [step / 2, slopeThere]);
}
