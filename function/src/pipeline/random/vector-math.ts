/**
 * Float32 logarithm, sine and cosine with the polynomials and the order of operations of PyTorch's
 * `avx_mathfun.h` (`log256_ps`, `sincos256_ps`; Cephes `logf` and `sinf`), one lane at a time.
 *
 * They differ from the C library in the last bit, so a bit-exact `torch.randn` needs them. The compiler
 * of the official wheels fuses each multiplication that feeds an addition; which ones was settled by
 * comparing with torch, and shows in the use of {@link fusedMultiplyAdd}.
 */
import { fusedMultiplyAdd as fma } from './fused-multiply-add.ts';

const { fround } = Math;

const SQRT_HALF = fround(Math.SQRT1_2);
const LOG_COEFFICIENTS = Float32Array.of(
  7.0376836292e-2,
  -1.151461031e-1,
  1.167699874e-1,
  -1.2420140846e-1,
  1.4249322787e-1,
  -1.6668057665e-1,
  2.0000714765e-1,
  -2.4999993993e-1,
  3.3333331174e-1,
);
/** ln 2 = LN2_HIGH + LN2_LOW, the first exact in a few bits. */
const LN2_HIGH = fround(0.693359375);
const LN2_LOW = fround(-2.1219444e-4);

const floatScratch = new Float32Array(1);
const bitsScratch = new Int32Array(floatScratch.buffer);

/** Natural logarithm of a normal, positive float32 number. */
export function logFloat32(value: number): number {
  floatScratch[0] = value;
  const bits = bitsScratch[0] as number;
  let exponent = (bits >> 23) - 126;
  bitsScratch[0] = (bits & 0x007fffff) | 0x3f000000; // mantissa in [0.5, 1)
  const mantissa = floatScratch[0] as number;
  let x = fround(mantissa - 1);
  if (mantissa < SQRT_HALF) {
    exponent -= 1;
    x = fround(x + mantissa);
  }
  const squared = fround(x * x);
  let y = LOG_COEFFICIENTS[0] as number;
  for (let i = 1; i < 9; i++) y = fma(y, x, LOG_COEFFICIENTS[i] as number);
  y = fround(y * x);
  y = fma(y, squared, fround(exponent * LN2_LOW));
  y = fma(-0.5, squared, y);
  return fma(exponent, LN2_HIGH, fround(x + y));
}

const FOUR_OVER_PI = fround(1.27323954473516);
/** π/4 in three parts, so that the reduction of the angle loses nothing. */
const MINUS_QUARTER_PI_1 = fround(-0.78515625);
const MINUS_QUARTER_PI_2 = fround(-2.4187564849853516e-4);
const MINUS_QUARTER_PI_3 = fround(-3.774894977445941e-8);
const SIN_0 = fround(-1.9515295891e-4);
const SIN_1 = fround(8.3321608736e-3);
const SIN_2 = fround(-1.6666654611e-1);
const COS_0 = fround(2.443315711809948e-5);
const COS_1 = fround(-1.388731625493765e-3);
const COS_2 = fround(4.166664568298827e-2);

/** Writes [sine, cosine] of a float32 angle in [0, 2π] (radians) to `out`. */
export function sinCosFloat32(angle: number, out: Float32Array): void {
  // The nearest even multiple of π/4 picks the octant; what is left lies in [-π/4, π/4].
  const octant = (Math.trunc(fround(angle * FOUR_OVER_PI)) + 1) & ~1;
  let x = fma(octant, MINUS_QUARTER_PI_1, angle);
  x = fma(octant, MINUS_QUARTER_PI_2, x);
  x = fma(octant, MINUS_QUARTER_PI_3, x);
  const z = fround(x * x);

  let cosine = fma(COS_0, z, COS_1);
  cosine = fround(fma(cosine, z, COS_2) * z);
  cosine = fround(fma(cosine, z, fround(-0.5 * z)) + 1);

  let sine = fma(SIN_0, z, SIN_1);
  sine = fround(fma(sine, z, SIN_2) * z);
  sine = fma(sine, x, x);

  const isSwapped = (octant & 2) !== 0;
  const sineSign = octant & 4 ? -1 : 1;
  const cosineSign = (octant + 2) & 4 ? -1 : 1;
  out[0] = sineSign * (isSwapped ? cosine : sine);
  out[1] = cosineSign * (isSwapped ? sine : cosine);
}
