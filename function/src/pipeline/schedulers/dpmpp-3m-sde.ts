import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/** DPM-Solver++(3M) for the stochastic equation: k-diffusion `sample_dpmpp_3m_sde`. */
export const dpmpp3mSde = createSigmaSampler(
  {
    name: 'dpmpp_3m_sde',
    label: 'DPM++ 3M SDE',
    defaultSchedule: 'exponential',
    usesEta: true,
    defaultEta: 1,
    noiseSettings: ['sNoise'],
    dropsPenultimateSigma: true,
    usesBrownianNoise: true,
  },
  sampleDpmpp3mSde,
);

interface Prediction {
  denoised: Float32Array;
  /** Length in log σ of the step that it was made for. */
  h: number;
}

async function sampleDpmpp3mSde(run: SigmaRun): Promise<Float32Array> {
  const { eta, sNoise } = run;
  let { latents } = run;
  let earlier: Prediction[] = []; // newest first, at most two
  for (const { sigma, sigmaNext } of stepsOver(run.sigmas)) {
    const denoised = await run.denoise(latents, sigma);
    if (sigmaNext === 0) latents = denoised;
    else {
      const h = Math.log(sigma / sigmaNext);
      const hEta = h * (eta + 1);
      latents = weightedSum([Math.exp(-hEta), latents], [-Math.expm1(-hEta), denoised]);
      latents = addCurvature(latents, { denoised, h }, earlier, hEta);
      if (eta > 0) {
        const sigmaUp = sNoise * sigmaNext * Math.sqrt(-Math.expm1(-2 * h * eta));
        latents = weightedSum([1, latents], [sigmaUp, run.brownianNoise(sigma, sigmaNext)]);
      }
      earlier = [{ denoised, h }, ...earlier.slice(0, 1)];
    }
    await run.report(latents);
  }
  return latents;
}

/** What the change of the last predictions adds: of second order with one before, of third with two. */
function addCurvature(
  latents: Float32Array,
  { denoised, h }: Prediction,
  [first, second]: readonly Prediction[],
  hEta: number,
): Float32Array {
  if (!first) return latents;
  const phi2 = Math.expm1(-hEta) / hEta + 1;
  const r0 = first.h / h;
  const slope = weightedSum([1 / r0, denoised], [-1 / r0, first.denoised]);
  if (!second) return weightedSum([1, latents], [phi2, slope]);
  const r1 = second.h / h;
  const earlierSlope = weightedSum([1 / r1, first.denoised], [-1 / r1, second.denoised]);
  const phi3 = phi2 / hEta - 0.5;
  // d₁ = slope + (slope − earlierSlope)·r₀/(r₀ + r₁), d₂ = (slope − earlierSlope)/(r₀ + r₁)
  const change = (phi2 * r0 - phi3) / (r0 + r1);
  return weightedSum([1, latents], [phi2 + change, slope], [-change, earlierSlope]);
}
