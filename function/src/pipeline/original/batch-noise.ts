import { createNoiseGenerator } from '../random/noise-generator.ts';

/** All the noise of one run of an original script, in the order in which it is drawn: seeded once, a batch at a time. */
export interface BatchNoise {
  /** Unit normal noise for the whole batch, float32 [n, 4, h/8, w/8], another with each call. */
  draw(): Float32Array;
  /** Leaves out draws that the original makes and multiplies by 0. */
  skip(draws: number): void;
}

/**
 * What `torch.randn` draws on a GPU after `seed_everything`: PyTorch lays a batch out as one tensor, so that picture i
 * depends on the size of the batch, and on what the batches before it drew.
 *
 * @param count Values of a batch.
 */
export function createBatchNoise(seed: number, count: number): BatchNoise {
  const generator = createNoiseGenerator('cuda', seed);
  return {
    draw: () => generator.randn(count),
    skip(draws) {
      // On a GPU the stream moves on by calls, not by values.
      for (let i = 0; i < draws; i += 1) generator.randn(1);
    },
  };
}
