import { ancestralStep } from './ancestral-step.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * DPM-Solver++(2S) (Lu et al., "DPM-Solver++", 2022, algorithm 1) with fresh noise in every step but the last:
 * k-diffusion `sample_dpmpp_2s_ancestral`.
 */
export const dpmpp2sAncestral = createSigmaSampler(
  {
    name: 'dpmpp_2s_a',
    label: 'DPM++ 2S a',
    defaultSchedule: 'karras',
    usesEta: true,
    defaultEta: 1,
    noiseSettings: ['sNoise'],
    isSecondOrder: true,
  },
  sampleDpmpp2sAncestral,
);

async function sampleDpmpp2sAncestral(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const { sigmaDown, sigmaUp } = ancestralStep(sigma, sigmaNext, run.eta);
    const denoised = await run.denoise(latents, sigma);
    if (sigmaDown === 0) latents = denoised;
    else {
      const sigmaMiddle = Math.sqrt(sigma * sigmaDown);
      const middle = towards(denoised, latents, sigma, sigmaMiddle);
      latents = towards(await run.denoise(middle, sigmaMiddle), latents, sigma, sigmaDown);
    }
    if (sigmaUp > 0) latents = weightedSum([1, latents], [run.sNoise * sigmaUp, run.drawNoise()]);
    await run.report(latents);
  }
  return latents;
}

/** From one noise level to a lower one as if `denoised` were the truth. */
function towards(denoised: Float32Array, latents: Float32Array, sigma: number, sigmaNext: number): Float32Array {
  return weightedSum([sigmaNext / sigma, latents], [1 - sigmaNext / sigma, denoised]);
}
