import type { GenerateSettings } from '@safelight/sdk/contract';
import { type BrownianNoiseOptions, createBrownianNoise } from './random/brownian-noise.ts';
import { createNoiseGenerator } from './random/noise-generator.ts';
import { slerp } from './random/slerp.ts';

/** All the noise of one picture: it depends on the picture's seeds alone, never on what else a job draws. */
export interface ImageNoise {
  /** Unit normal noise to start from, the same with each call; the first one comes before any `draw`. */
  start(): Float32Array;
  /** Fresh unit normal noise, another with each call. */
  draw(): Float32Array;
  /**
   * Unit normal noise to place an encoded picture within what its encoder allows: first in the order of diffusers with a
   * CPU generator; CompVis' scripts draw it on the CPU whatever the rest.
   */
  posterior(): Float32Array;
  /** Brownian motion between two noise levels. */
  brownian(sigmaMin: number, sigmaMax: number): ReturnType<typeof createBrownianNoise>;
}

type NoiseSettings = Pick<GenerateSettings, 'rng' | 'seed' | 'subseed' | 'subseedStrength'>;

/**
 * Source: A1111 `modules/rng.py` (`ImageRNG`), and `create_noise_sampler` for the motion.
 *
 * @param dims [1, channels, height, width] of the latents.
 */
export function createImageNoise(settings: NoiseSettings, dims: readonly number[]): ImageNoise {
  const { rng: kind, seed, subseed, subseedStrength = 0 } = settings;
  const count = dims.reduce((product, dim) => product * dim, 1);
  const generator = createNoiseGenerator(kind, seed);
  const posteriorGenerator = createNoiseGenerator('cpu', seed);
  const draw = () => generator.randn(count);
  let startNoise: Float32Array | undefined;

  function drawStart(): Float32Array {
    const noise = draw();
    if (subseed === undefined || subseedStrength === 0) return noise;
    const other = createNoiseGenerator(kind, subseed).randn(count);
    return slerp(noise, other, subseedStrength, dims);
  }

  return {
    start: () => {
      startNoise ??= drawStart();
      return startNoise;
    },
    draw,
    posterior: kind === 'cpu' ? draw : () => posteriorGenerator.randn(count),
    brownian: (sigmaMin, sigmaMax) =>
      createBrownianNoise({ kind, seed, count, sigmaMin, sigmaMax } satisfies BrownianNoiseOptions),
  };
}
