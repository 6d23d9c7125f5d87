import type { Pixels } from './pixels.ts';
import { fromSharp, toSharp } from './resize.ts';

/** Blurs from far to near, the sharpest last: [standard deviation in pixels, times]. */
const PASSES: readonly (readonly [sigma: number, times: number])[] = [
  [256, 1],
  [64, 1],
  [16, 2],
  [4, 4],
  [2, 2],
  [0, 1],
];

/**
 * Fills what the mask covers with the colours around it.
 *
 * Source: A1111 `modules/masking.py` (`fill`); its blur is Pillow's, which approximates a Gaussian.
 */
export async function fillMasked(picture: Pixels, mask: Pixels): Promise<Pixels> {
  const { width, height } = picture;
  const visible = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i += 1) {
    visible.set(picture.data.subarray(3 * i, 3 * i + 3), 4 * i);
    visible[4 * i + 3] = 255 - (mask.data[i] as number);
  }
  const source: Pixels = { data: visible, width, height, channels: 4 };
  const filled = new Float64Array(width * height * 4);
  for (const [sigma, times] of PASSES) {
    // sharp weighs colours by their opacity when it blurs.
    const blurred = sigma === 0 ? source : await fromSharp(toSharp(source).blur({ sigma }));
    for (let time = 0; time < times; time += 1) compositeOver(filled, blurred.data);
  }
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i += 1) {
    for (let channel = 0; channel < 3; channel += 1)
      data[3 * i + channel] = Math.round(filled[4 * i + channel] as number);
  }
  return { data, width, height, channels: 3 };
}

/** Lays a picture over another, both RGBA, colours not multiplied by opacity. */
function compositeOver(under: Float64Array, over: Uint8Array): void {
  for (let i = 0; i < under.length; i += 4) {
    const opacity = (over[i + 3] as number) / 255;
    const below = ((under[i + 3] as number) / 255) * (1 - opacity);
    const total = opacity + below;
    if (total === 0) continue;
    for (let channel = i; channel < i + 3; channel += 1) {
      under[channel] = ((over[channel] as number) * opacity + (under[channel] as number) * below) / total;
    }
    under[i + 3] = total * 255;
  }
}
