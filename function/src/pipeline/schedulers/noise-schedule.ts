/** How much noise each training timestep holds. Index 0 is the cleanest. */
export interface NoiseSchedule {
  /** Number of training timesteps, 1000 for Stable Diffusion v1. */
  timesteps: number;
  /** ᾱ, the share of the signal's variance left at a timestep: float32, as the originals keep it. */
  alphasCumprod: Float32Array;
  /** σ = √((1 − ᾱ) / ᾱ), noise per unit of signal, in double from the float32 ᾱ. Rising. */
  sigmas: Float64Array;
}

export interface NoiseScheduleOptions {
  timesteps: number;
  /** β at the first timestep. */
  linearStart: number;
  /** β at the last timestep. */
  linearEnd: number;
}

/**
 * The schedule Stable Diffusion was trained with: β linear between square roots ("scaled linear").
 *
 * Source: `make_beta_schedule('linear')` and `DDPM.register_schedule` in CompVis/stable-diffusion, which
 * multiply in double and keep float32; `DiscreteEpsDDPMDenoiser` in k-diffusion for σ.
 */
export function createNoiseSchedule({ timesteps, linearStart, linearEnd }: NoiseScheduleOptions): NoiseSchedule {
  const alphasCumprod = new Float32Array(timesteps);
  const betaRoots = linspace(Math.sqrt(linearStart), Math.sqrt(linearEnd), timesteps);
  let product = 1;
  for (const [i, root] of betaRoots.entries()) {
    product *= 1 - root * root;
    alphasCumprod[i] = product;
  }
  const sigmas = Float64Array.from(alphasCumprod, (alpha) => Math.sqrt((1 - alpha) / alpha));
  return { timesteps, alphasCumprod, sigmas };
}

/** `count` evenly spaced numbers from `start` to `end`; one number is `start`, as in `torch.linspace`. */
export function linspace(start: number, end: number, count: number): Float64Array {
  const step = count > 1 ? (end - start) / (count - 1) : 0;
  return Float64Array.from({ length: count }, (_, i) =>
    // From the nearer end, so that the last number is `end` to the bit.
    i < count / 2 ? start + step * i : end - step * (count - 1 - i),
  );
}
