import { type DdimStep, ddimStep, ddimSteps } from './ddim-step.ts';
import { createSampler, type SampleInput } from './sampler.ts';
import { ddimTimesteps } from './schedules.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * DDIM (Song et al. 2020), `DDIMSampler` in CompVis/stable-diffusion: the sampler of the original txt2img.
 * With eta 0 it is deterministic; with eta 1 it adds as much fresh noise as DDPM.
 */
export const ddim = createSampler({
  name: 'ddim',
  label: 'DDIM',
  schedules: ['ddim_uniform'],
  defaultSchedule: 'ddim_uniform',
  usesEta: true,
  defaultEta: 0,
  stepCount: (steps, trainingTimesteps = 1000) => ddimTimesteps(steps, trainingTimesteps).length,
  sample: sampleDdim,
});

async function sampleDdim(input: SampleInput): Promise<Float32Array> {
  const { eta, predictNoise, drawNoise, onStep } = input;
  const steps = ddimSteps(input.steps, input.noiseSchedule);
  let latents = input.noise;
  for (const [i, step] of steps.entries()) {
    const noisePrediction = await predictNoise(latents, step.timestep);
    const sigma = freshNoiseSigma(step, eta);
    latents = ddimStep(latents, noisePrediction, step, sigma);
    if (sigma > 0) latents = weightedSum([1, latents], [sigma, drawNoise()]);
    await onStep?.(i + 1, steps.length, latents);
  }
  return latents;
}

/** Equation 16 of the paper: the standard deviation of the noise added in a step. */
function freshNoiseSigma({ alpha, alphaPrevious }: DdimStep, eta: number): number {
  return eta * Math.sqrt(((1 - alphaPrevious) / (1 - alpha)) * (1 - alpha / alphaPrevious));
}
