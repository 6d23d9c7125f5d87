/**
 * Splits the way from one noise level to the next: down to `sigmaDown`, then up again by `sigmaUp` of
 * fresh noise.
 *
 * Source: k-diffusion `get_ancestral_step`.
 */
export function ancestralStep(sigmaFrom: number, sigmaTo: number, eta: number) {
  const variance = (sigmaTo ** 2 * (sigmaFrom ** 2 - sigmaTo ** 2)) / sigmaFrom ** 2;
  const sigmaUp = Math.min(sigmaTo, eta * Math.sqrt(variance));
  return { sigmaDown: Math.sqrt(sigmaTo ** 2 - sigmaUp ** 2), sigmaUp };
}
