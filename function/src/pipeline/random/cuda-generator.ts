import type { NoiseGenerator } from './noise-generator.ts';
import { philox4x32 } from './philox.ts';

const { fround } = Math;

/** cuRAND's `CURAND_2POW32_INV` and `CURAND_2POW32_INV_2PI`, rounded to float32 as there. */
const TWO_POW_MINUS_32 = fround(2.3283064e-10);
const TWO_POW_MINUS_32_TIMES_2_PI = fround(2.3283064e-10 * 6.2831855);

/**
 * The stream of `torch.randn(count, device='cuda')`, computed without a GPU, as AUTOMATIC1111's
 * `modules/rng_philox.py` ("RNG: NV") and stable-diffusion.cpp's `--rng cuda`: value i of call n is the
 * first normal that cuRAND makes from the Philox counter (n, 0, i, 0).
 *
 * A GPU rounds logarithm and sine to float32 with its own approximations, so it differs in the last bits;
 * and for sizes beyond one value per resident thread (about 200,000 on a large GPU) it lays values out
 * in another order.
 */
export function createCudaGenerator(seed: number): NoiseGenerator {
  const keyLow = seed % 0x100000000;
  const keyHigh = Math.floor(seed / 0x100000000);
  const block = new Uint32Array(4);
  let call = 0;
  return {
    randn(count) {
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++) {
        block[0] = call;
        block[1] = 0;
        block[2] = i;
        block[3] = 0;
        philox4x32(block, keyLow, keyHigh);
        values[i] = boxMullerFirst(block[0] as number, block[1] as number);
      }
      call += 1;
      return values;
    },
  };
}

/** The sine half of a Box–Muller pair, from two uniform 32-bit words. */
function boxMullerFirst(x: number, y: number): number {
  const u = x * TWO_POW_MINUS_32 + TWO_POW_MINUS_32 / 2;
  const v = y * TWO_POW_MINUS_32_TIMES_2_PI + TWO_POW_MINUS_32_TIMES_2_PI / 2;
  return Math.sqrt(-2 * Math.log(u)) * Math.sin(v);
}
