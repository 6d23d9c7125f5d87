import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

const traits = {
  defaultSchedule: 'exponential',
  usesEta: true,
  defaultEta: 1,
  noiseSettings: ['sNoise'],
  usesBrownianNoise: true,
} as const;

/** DPM-Solver++(2M) for the stochastic equation: k-diffusion `sample_dpmpp_2m_sde`, midpoint variant. */
export const dpmpp2mSde = createSigmaSampler({ ...traits, name: 'dpmpp_2m_sde', label: 'DPM++ 2M SDE' }, (run) =>
  sampleDpmpp2mSde(run, (hEta) => -Math.expm1(-hEta) / 2),
);

/** The same, Heun variant: k-diffusion `sample_dpmpp_2m_sde` with `solver_type='heun'`. */
export const dpmpp2mSdeHeun = createSigmaSampler(
  { ...traits, name: 'dpmpp_2m_sde_heun', label: 'DPM++ 2M SDE Heun' },
  (run) => sampleDpmpp2mSde(run, (hEta) => 1 + Math.expm1(-hEta) / hEta),
);

/** @param curvatureWeight The weight of the change between predictions, of h·(1 + η). */
async function sampleDpmpp2mSde(run: SigmaRun, curvatureWeight: (hEta: number) => number): Promise<Float32Array> {
  const { eta, sNoise } = run;
  let { latents } = run;
  let previous: { denoised: Float32Array; h: number } | undefined;
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const denoised = await run.denoise(latents, sigma);
    if (sigmaNext === 0) latents = denoised;
    else {
      const h = Math.log(sigma / sigmaNext);
      const hEta = h * (1 + eta);
      latents = weightedSum([(sigmaNext / sigma) * Math.exp(-eta * h), latents], [-Math.expm1(-hEta), denoised]);
      if (previous) {
        const weight = (curvatureWeight(hEta) * h) / previous.h;
        latents = weightedSum([1, latents], [weight, denoised], [-weight, previous.denoised]);
      }
      if (eta > 0) {
        const sigmaUp = sNoise * sigmaNext * Math.sqrt(-Math.expm1(-2 * eta * h));
        latents = weightedSum([1, latents], [sigmaUp, run.brownianNoise(sigma, sigmaNext)]);
      }
      previous = { denoised, h };
    }
    await run.report(latents);
  }
  return latents;
}
