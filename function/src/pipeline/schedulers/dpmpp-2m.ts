import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * DPM-Solver++(2M) (Lu et al., "DPM-Solver++", 2022, algorithm 2), k-diffusion `sample_dpmpp_2m`: a
 * second-order step from the last two denoised latents. The first and the last step are of first order.
 */
export const dpmpp2m = createSigmaSampler(
  { name: 'dpmpp_2m', label: 'DPM++ 2M', defaultSchedule: 'karras' },
  sampleDpmpp2m,
);

async function sampleDpmpp2m(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  let previous: { denoised: Float32Array; sigma: number } | undefined;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const denoised = await run.denoise(latents, sigma);
    // In the paper's time, λ = −log σ. The last step, to σ = 0, is infinitely long: its h is Infinity.
    const h = Math.log(sigma / sigmaNext);
    let target = denoised;
    if (previous && sigmaNext > 0) {
      const r = Math.log(previous.sigma / sigma) / h;
      target = weightedSum([1 + 1 / (2 * r), denoised], [-1 / (2 * r), previous.denoised]);
    }
    latents = weightedSum([sigmaNext / sigma, latents], [-Math.expm1(-h), target]);
    previous = { denoised, sigma };
    await run.report(latents);
  }
  return latents;
}
