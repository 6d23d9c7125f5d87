import { sigmaSchedules, startSigmaRun } from './denoiser.ts';
import { createSampler, type SampleInput } from './sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * DPM-Solver++(2M) (Lu et al., "DPM-Solver++", 2022, algorithm 2), k-diffusion `sample_dpmpp_2m`: a
 * second-order step from the last two denoised latents. The first and the last step are of first order.
 */
export const dpmpp2m = createSampler({
  name: 'dpmpp_2m',
  label: 'DPM++ 2M',
  schedules: sigmaSchedules,
  defaultSchedule: 'karras',
  usesEta: false,
  defaultEta: 0,
  stepCount: (steps) => steps,
  sample: sampleDpmpp2m,
});

async function sampleDpmpp2m(input: SampleInput): Promise<Float32Array> {
  const { sigmas, denoise, ...start } = startSigmaRun(input);
  let { latents } = start;
  let previous: { denoised: Float32Array; sigma: number } | undefined;
  for (let i = 0; i < input.steps; i++) {
    const sigma = sigmas[i] as number;
    const sigmaNext = sigmas[i + 1] as number;
    const denoised = await denoise(latents, sigma);
    // In the paper's time, λ = −log σ. The last step, to σ = 0, is infinitely long: its h is Infinity.
    const h = Math.log(sigma / sigmaNext);
    let target = denoised;
    if (previous && sigmaNext > 0) {
      const r = Math.log(previous.sigma / sigma) / h;
      target = weightedSum([1 + 1 / (2 * r), denoised], [-1 / (2 * r), previous.denoised]);
    }
    latents = weightedSum([sigmaNext / sigma, latents], [-Math.expm1(-h), target]);
    previous = { denoised, sigma };
    await input.onStep?.(i + 1, input.steps, latents);
  }
  return latents;
}
