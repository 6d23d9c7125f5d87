import { createMt19937, type Mt19937 } from './mt19937.ts';
import type { NoiseGenerator } from './noise-generator.ts';
import { logFloat32, sinCosFloat32 } from './vector-math.ts';

const { fround } = Math;

/** From this many values on PyTorch takes the vectorised path, which yields other numbers. */
const VECTOR_PATH_COUNT = 16;
const BLOCK = 16;
const PAIRS = BLOCK / 2;
const TWO_PI = fround(2 * Math.PI);

/**
 * The stream of `torch.randn(count, generator=torch.Generator().manual_seed(seed))`: float32, contiguous,
 * on a CPU with AVX2.
 *
 * Source: PyTorch `normal_kernel` in `aten/src/ATen/native/cpu/DistributionTemplates.h` and
 * `at::normal_distribution` in `aten/src/ATen/core/DistributionsHelper.h`.
 */
export function createCpuGenerator(seed: number): NoiseGenerator {
  const twister = createMt19937(seed);
  const drawOne = createScalarNormal(twister);
  return {
    randn(count) {
      const values = new Float32Array(count);
      if (count >= VECTOR_PATH_COUNT) fillBlocks(values, twister);
      else for (let i = 0; i < count; i++) values[i] = drawOne();
      return values;
    },
  };
}

/** Double-precision Box–Muller; the sine half of a pair waits for the next call, even a much later one. */
function createScalarNormal(twister: Mt19937): () => number {
  let cached: number | undefined;
  return () => {
    if (cached !== undefined) {
      const value = cached;
      cached = undefined;
      return value;
    }
    const u1 = uniform53(twister);
    const u2 = uniform53(twister);
    const radius = Math.sqrt(-2 * Math.log1p(-u2));
    const theta = 2 * Math.PI * u1;
    cached = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  };
}

/** A double in [0, 1) from the low 53 bits of two words, the first being the high one. */
function uniform53(twister: Mt19937): number {
  const high = twister.next() & 0x1fffff;
  return (high * 0x100000000 + twister.next()) * 2 ** -53;
}

/** A float32 in [0, 1) from the low 24 bits of one word. */
function uniform24(twister: Mt19937): number {
  return (twister.next() & 0xffffff) * 2 ** -24;
}

function fillBlocks(values: Float32Array, twister: Mt19937): void {
  const { length } = values;
  for (let i = 0; i < length; i++) values[i] = uniform24(twister);
  for (let start = 0; start + BLOCK <= length; start += BLOCK) boxMullerBlock(values, start);
  if (length % BLOCK !== 0) {
    // PyTorch redraws the last 16 values, those of the last whole block among them.
    const start = length - BLOCK;
    for (let i = start; i < length; i++) values[i] = uniform24(twister);
    boxMullerBlock(values, start);
  }
}

/** Turns 16 uniforms into 16 normals in place; value j pairs with value j + 8. */
function boxMullerBlock(values: Float32Array, start: number): void {
  const sinCos = new Float32Array(2);
  for (let i = start; i < start + PAIRS; i++) {
    const u1 = fround(1 - (values[i] as number)); // (0, 1], so that the logarithm is finite
    const radius = fround(Math.sqrt(fround(-2 * logFloat32(u1))));
    sinCosFloat32(fround(TWO_PI * (values[i + PAIRS] as number)), sinCos);
    // The original adds the mean, 0, which turns −0 into 0.
    values[i] = fround(radius * (sinCos[1] as number)) + 0;
    values[i + PAIRS] = fround(radius * (sinCos[0] as number)) + 0;
  }
}
