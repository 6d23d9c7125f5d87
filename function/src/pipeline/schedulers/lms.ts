import { toDerivative } from './denoiser.ts';
import { createSigmaSampler, type SigmaRun, stepsOver } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

const MAX_ORDER = 4;

/**
 * Linear multistep (Adams–Bashforth on uneven steps): k-diffusion `sample_lms`. Integrates the polynomial through the
 * last four slopes; the original integrates numerically, we exactly.
 */
export const lms = createSigmaSampler({ name: 'lms', label: 'LMS' }, sampleLms);

async function sampleLms(run: SigmaRun): Promise<Float32Array> {
  let { latents } = run;
  let slopes: Float32Array[] = []; // newest first
  for (const { i, sigma } of stepsOver(run.sigmas)) {
    slopes = [toDerivative(latents, sigma, await run.denoise(latents, sigma)), ...slopes.slice(0, MAX_ORDER - 1)];
    const terms = slopes.map((slope, j) => [multistepWeight(run.sigmas, i, slopes.length, j), slope] as const);
    latents = weightedSum([1, latents], ...terms);
    await run.report(latents);
  }
  return latents;
}

/** The integral from σᵢ to σᵢ₊₁ of the Lagrange polynomial that is 1 at σᵢ₋ⱼ and 0 at the other `order` − 1 levels. */
function multistepWeight(sigmas: Float64Array, i: number, order: number, j: number): number {
  const at = (index: number) => sigmas[index] as number;
  const lagrange = (sigma: number) => {
    let product = 1;
    for (let k = 0; k < order; k += 1) {
      if (k !== j) product *= (sigma - at(i - k)) / (at(i - j) - at(i - k));
    }
    return product;
  };
  // Gauss–Legendre with two points is exact up to degree 3, which is order 4.
  const middle = (at(i) + at(i + 1)) / 2;
  const half = (at(i + 1) - at(i)) / 2;
  const offset = half / Math.sqrt(3);
  return half * (lagrange(middle - offset) + lagrange(middle + offset));
}
