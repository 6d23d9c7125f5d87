import { type createDenoiser, keepUnmasked } from './denoiser.ts';
import type { NoiseSchedule } from './noise-schedule.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/** How many of the training timesteps latent consistency models were distilled on. */
const DISTILLED_TIMESTEPS = 50;
const TIMESTEP_SCALING = 10;
const SIGMA_DATA = 0.5;

/**
 * For latent consistency models (Luo et al. 2023), which go from any noise level to the picture in one prediction:
 * predict, add the noise of the next level, predict again. diffusers' `LCMScheduler`, A1111's `sample_lcm`; the
 * schedule `simple` gives diffusers' timesteps, `normal` A1111's.
 */
export const lcm = createSigmaSampler(
  {
    name: 'lcm',
    label: 'LCM',
    defaultSchedule: 'simple',
    createDenoiser: createConsistencyDenoiser,
    deriveSchedule: distilledSchedule,
  },
  sampleLcm,
);

async function sampleLcm(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    latents = await run.denoise(latents, sigma);
    if (sigmaNext > 0) latents = weightedSum([1, latents], [sigmaNext, run.drawNoise()]);
    await run.report(latents);
  }
  return latents;
}

/** Every twentieth level, counted from the noisiest. */
function distilledSchedule({ sigmas, alphasCumprod }: NoiseSchedule): NoiseSchedule {
  const isKept = (_: number, index: number) => timestepOf(Math.floor(index / stride(sigmas)), sigmas) === index;
  return {
    timesteps: DISTILLED_TIMESTEPS,
    sigmas: sigmas.filter(isKept),
    alphasCumprod: alphasCumprod.filter(isKept),
  };
}

const stride = (sigmas: Float64Array) => Math.floor(sigmas.length / DISTILLED_TIMESTEPS);
const timestepOf = (index: number, sigmas: Float64Array) => index * stride(sigmas) + stride(sigmas) - 1;

/** Source: diffusers `LCMScheduler.get_scalings_for_boundary_condition_discrete`. */
function createConsistencyDenoiser(...[predictNoise, noiseSchedule, init]: Parameters<typeof createDenoiser>) {
  const { sigmas } = distilledSchedule(noiseSchedule);
  return async (latents: Float32Array, sigma: number): Promise<Float32Array> => {
    const timestep = timestepOf(nearestLevel(sigmas, sigma), noiseSchedule.sigmas);
    const scaled = TIMESTEP_SCALING * timestep;
    const cSkip = SIGMA_DATA ** 2 / (scaled ** 2 + SIGMA_DATA ** 2);
    const cOut = scaled / Math.sqrt(scaled ** 2 + SIGMA_DATA ** 2);
    const unitVariance = weightedSum([1 / Math.sqrt(sigma ** 2 + 1), latents]);
    const noisePrediction = await predictNoise(unitVariance, timestep);
    const denoised = weightedSum([cOut, latents], [-cOut * sigma, noisePrediction], [cSkip, unitVariance]);
    return keepUnmasked(denoised, init);
  };
}

function nearestLevel(sigmas: Float64Array, sigma: number): number {
  let best = 0;
  const distance = (index: number) => Math.abs(Math.log(sigma / (sigmas[index] as number)));
  for (const index of sigmas.keys()) if (distance(index) < distance(best)) best = index;
  return best;
}
