import { createCpuGenerator } from './cpu-generator.ts';
import { createCudaGenerator } from './cuda-generator.ts';

/** Which of PyTorch's generators to reproduce: the same seed gives other noise on each. */
export type NoiseGeneratorKind = 'cpu' | 'cuda';

/** A seeded stream of unit normal noise. Not to be shared between images: each has its own seed. */
export interface NoiseGenerator {
  /**
   * The next `count` values, float32, mean 0, variance 1. Like a `torch.Generator` the stream depends on how
   * it is cut into calls: two calls of 32 are not one call of 64.
   */
  randn(count: number): Float32Array;
}

/**
 * A generator whose values are those of `torch.randn` with the same seed.
 *
 * `cpu` is bit for bit that of the official x86-64 wheels; see {@link createCudaGenerator} for `cuda`.
 *
 * @param seed A whole number from 0 to 2⁵³ − 1; `cpu` looks at its low 32 bits only, as PyTorch does.
 * @throws RangeError if the seed is not such a number.
 */
export function createNoiseGenerator(kind: NoiseGeneratorKind, seed: number): NoiseGenerator {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`A seed is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${seed}.`);
  }
  return kind === 'cpu' ? createCpuGenerator(seed) : createCudaGenerator(seed);
}
