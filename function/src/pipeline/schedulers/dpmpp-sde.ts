import { ancestralStep } from './ancestral-step.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * DPM-Solver++ for the stochastic equation, k-diffusion `sample_dpmpp_sde` with r = 1/2: half a step with its noise,
 * then the whole step with the noise of the same Brownian motion.
 */
export const dpmppSde = createSigmaSampler(
  {
    name: 'dpmpp_sde',
    label: 'DPM++ SDE',
    defaultSchedule: 'karras',
    usesEta: true,
    defaultEta: 1,
    noiseSettings: ['sNoise'],
    isSecondOrder: true,
    usesBrownianNoise: true,
  },
  sampleDpmppSde,
);

async function sampleDpmppSde(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const denoised = await run.denoise(latents, sigma);
    if (sigmaNext === 0) latents = denoised;
    else {
      const sigmaMiddle = Math.sqrt(sigma * sigmaNext);
      const middle = noisyStep(run, latents, denoised, sigma, sigmaMiddle);
      // With r = 1/2 the weight of the first prediction, 1 − 1/(2r), is 0.
      latents = noisyStep(run, latents, await run.denoise(middle, sigmaMiddle), sigma, sigmaNext);
    }
    await run.report(latents);
  }
  return latents;
}

/** Down towards `denoised`, then up by the motion's noise between both levels. */
function noisyStep(
  { eta, sNoise, brownianNoise }: SigmaRun,
  latents: Float32Array,
  denoised: Float32Array,
  sigma: number,
  sigmaNext: number,
): Float32Array {
  const { sigmaDown, sigmaUp } = ancestralStep(sigma, sigmaNext, eta);
  const share = sigmaDown / sigma;
  if (sigmaUp === 0) return weightedSum([share, latents], [1 - share, denoised]);
  return weightedSum([share, latents], [1 - share, denoised], [sNoise * sigmaUp, brownianNoise(sigma, sigmaNext)]);
}
