import type { SigmaRun } from './sigma-sampler.ts';
import { weightedSum } from './weighted-sum.ts';

/**
 * Raises the noise of the latents a little before a step: Karras et al. (2022), algorithm 2, lines 4 to 6.
 *
 * Like the original it draws noise in every step of a churning run, also where σ lies outside the limits.
 */
export function addChurn(
  { sigmas, sChurn, sTmin, sTmax, sNoise, drawNoise }: SigmaRun,
  latents: Float32Array,
  sigma: number,
): { latents: Float32Array; sigmaHat: number } {
  if (sChurn === 0) return { latents, sigmaHat: sigma };
  const noise = drawNoise();
  const isInside = sTmin <= sigma && sigma <= sTmax;
  const gamma = isInside ? Math.min(sChurn / (sigmas.length - 1), Math.SQRT2 - 1) : 0;
  const sigmaHat = sigma * (gamma + 1);
  return { latents: weightedSum([1, latents], [sNoise * Math.sqrt(sigmaHat ** 2 - sigma ** 2), noise]), sigmaHat };
}

/** The noise settings of samplers that churn. */
export const churnSettings = ['sChurn', 'sTmin', 'sTmax', 'sNoise'] as const;
