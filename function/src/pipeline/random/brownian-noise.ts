import { type BrownianTreeOptions, createBrownianTree } from './brownian-tree.ts';

export interface BrownianNoiseOptions extends Pick<BrownianTreeOptions, 'kind' | 'seed' | 'count'> {
  /** The lowest level above 0 of the run. */
  sigmaMin: number;
  /** The highest level of the run. */
  sigmaMax: number;
}

/**
 * Unit normal noise for the way from one σ down to another, from one sample path of Brownian motion.
 *
 * Source: k-diffusion `BrownianTreeNoiseSampler`; A1111 gives each picture the path of its seed.
 */
export function createBrownianNoise({ sigmaMin, sigmaMax, ...options }: BrownianNoiseOptions) {
  const increment = createBrownianTree({ ...options, start: Math.fround(sigmaMin), end: Math.fround(sigmaMax) });
  return (sigma: number, sigmaNext: number): Float32Array => {
    const [from, to] = [Math.fround(sigmaNext), Math.fround(sigma)];
    // Down is backwards in the motion's time.
    const factor = Math.fround(-1 / Math.sqrt(to - from));
    return increment(from, to).map((value) => value * factor);
  };
}
