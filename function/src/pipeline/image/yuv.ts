/** OpenCV's fixed point: coefficients are multiples of 2⁻¹⁴, and sums are rounded to the nearest whole number. */
const SHIFT = 14;
const HALF = 1 << (SHIFT - 1);
/** What stands for no colour at all. */
const GREY = 128;

/** A picture's brightness and its two differences of colour, a byte a pixel each. */
export interface Yuv {
  readonly y: Uint8ClampedArray;
  readonly u: Uint8ClampedArray;
  readonly v: Uint8ClampedArray;
}

/**
 * Interleaved RGB bytes → planes, bit for bit as OpenCV's `COLOR_RGB2YUV`.
 *
 * Source: `modules/imgproc/src/color_yuv.simd.hpp` (`RGB2YCrCb_i`).
 */
export function toYuv(rgb: Uint8Array): Yuv {
  const count = rgb.length / 3;
  const planes = { y: new Uint8ClampedArray(count), u: new Uint8ClampedArray(count), v: new Uint8ClampedArray(count) };
  for (let i = 0; i < count; i += 1) {
    const [r, g, b] = [rgb[3 * i] as number, rgb[3 * i + 1] as number, rgb[3 * i + 2] as number];
    const y = (r * 4899 + g * 9617 + b * 1868 + HALF) >> SHIFT;
    planes.y[i] = y;
    planes.u[i] = (((b - y) * 8061 + HALF) >> SHIFT) + GREY;
    planes.v[i] = (((r - y) * 14369 + HALF) >> SHIFT) + GREY;
  }
  return planes;
}

/** The way back, as `COLOR_YUV2RGB`. */
export function toRgb({ y: brightness, u: blueness, v: redness }: Yuv): Uint8Array {
  const rgb = new Uint8ClampedArray(brightness.length * 3);
  for (const [i, y] of brightness.entries()) {
    const u = (blueness[i] as number) - GREY;
    const v = (redness[i] as number) - GREY;
    rgb[3 * i] = y + ((v * 18678 + HALF) >> SHIFT);
    rgb[3 * i + 1] = y + ((u * -6472 + v * -9519 + HALF) >> SHIFT);
    rgb[3 * i + 2] = y + ((u * 33292 + HALF) >> SHIFT);
  }
  return new Uint8Array(rgb.buffer);
}
