import { ancestralStep } from './ancestral-step.ts';
import { midpointStep } from './dpm2.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/** DPM-Solver-2 with fresh noise in every step but the last: k-diffusion `sample_dpm_2_ancestral`. */
export const dpm2Ancestral = createSigmaSampler(
  {
    name: 'dpm2_a',
    label: 'DPM2 a',
    defaultSchedule: 'karras',
    usesEta: true,
    defaultEta: 1,
    noiseSettings: ['sNoise'],
    isSecondOrder: true,
    dropsPenultimateSigma: true,
  },
  sampleDpm2Ancestral,
);

async function sampleDpm2Ancestral(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const { sigmaDown, sigmaUp } = ancestralStep(sigma, sigmaNext, run.eta);
    latents = await midpointStep(run.denoise, latents, sigma, sigmaDown);
    if (sigmaUp > 0) latents = weightedSum([1, latents], [run.sNoise * sigmaUp, run.drawNoise()]);
    await run.report(latents);
  }
  return latents;
}
