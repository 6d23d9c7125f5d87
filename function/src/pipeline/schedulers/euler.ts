import { addChurn, churnSettings } from './churn.ts';
import { toDerivative } from './denoiser.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/** Euler's method: Karras et al. (2022), algorithm 2 without its second half; k-diffusion `sample_euler`. */
export const euler = createSigmaSampler({ name: 'euler', label: 'Euler', noiseSettings: churnSettings }, sampleEuler);

async function sampleEuler(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const noisier = addChurn(run, latents, sigma);
    const { sigmaHat } = noisier;
    const derivative = toDerivative(noisier.latents, sigmaHat, await run.denoise(noisier.latents, sigmaHat));
    latents = weightedSum([1, noisier.latents], [sigmaNext - sigmaHat, derivative]);
    await run.report(latents);
  }
  return latents;
}
