import { type DdimStep, ddimStart, ddimStep, ddimSteps, keepNoisyImage } from './ddim-step.ts';
import { createSampler, defaultNoiseSettings, type SampleInput } from './sampler.ts';
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
  noiseSettings: ['sNoise'],
  isSecondOrder: false,
  stepCount: (shape) => ddimSteps(shape).length,
  sample: sampleDdim,
});

async function sampleDdim(input: SampleInput): Promise<Float32Array> {
  const { eta, predictNoise, drawNoise, onStep, noiseSettings: { sNoise } = defaultNoiseSettings } = input;
  const steps = ddimSteps(input);
  let latents = ddimStart(input);
  for (const [i, step] of steps.entries()) {
    latents = keepNoisyImage(input, latents, step.alpha);
    const noisePrediction = await predictNoise(latents, step.timestep);
    const sigma = freshNoiseSigma(step, eta);
    latents = ddimStep(latents, noisePrediction, step, sigma);
    if (sigma > 0) latents = weightedSum([1, latents], [sigma * sNoise, drawNoise()]);
    await onStep?.(i + 1, steps.length, latents);
  }
  return latents;
}

/** Equation 16 of the paper: the standard deviation of the noise added in a step. */
function freshNoiseSigma({ alpha, alphaPrevious }: DdimStep, eta: number): number {
  return eta * Math.sqrt(((1 - alphaPrevious) / (1 - alpha)) * (1 - alpha / alphaPrevious));
}
