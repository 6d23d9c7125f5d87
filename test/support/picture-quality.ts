import type { Pixels } from '../../function/src/pipeline/start/pixels.ts';

/** Peak signal-to-noise ratio of RGB pictures, in decibels: infinite for equal ones. */
export function psnr(a: Pixels, b: Pixels): number {
  const squares = a.data.reduce((sum, value, i) => sum + (value - (b.data[i] as number)) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / a.data.length));
}

const WINDOW = 7;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/**
 * Structural similarity (Wang et al. 2004, eq. 13) of the three colours, the mean over all windows of 7×7 and colours, with sample
 * covariances: `structural_similarity(a, b, channel_axis=2)` of scikit-image 0.26.
 */
export function ssim(a: Pixels, b: Pixels): number {
  let sum = 0;
  let windows = 0;
  for (let y = 0; y + WINDOW <= a.height; y += 1) {
    for (let x = 0; x + WINDOW <= a.width; x += 1) {
      for (let colour = 0; colour < 3; colour += 1) {
        sum += similarity(moments(a, b, x, y, colour));
        windows += 1;
      }
    }
  }
  return sum / windows;
}

function similarity({ a, b, aa, bb, ab }: ReturnType<typeof moments>): number {
  return ((2 * a * b + C1) * (2 * ab + C2)) / ((a * a + b * b + C1) * (aa + bb + C2));
}

/** Means, variances and covariance of one window. */
function moments(first: Pixels, second: Pixels, left: number, top: number, colour: number) {
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
  for (let y = top; y < top + WINDOW; y += 1) {
    for (let x = left; x < left + WINDOW; x += 1) {
      const place = 3 * (y * first.width + x) + colour;
      const [u, v] = [first.data[place] as number, second.data[place] as number];
      a += u;
      b += v;
      aa += u * u;
      bb += v * v;
      ab += u * v;
    }
  }
  const count = WINDOW * WINDOW;
  const central = (square: number, x: number, y: number) => (square - (x * y) / count) / (count - 1);
  return { a: a / count, b: b / count, aa: central(aa, a, a), bb: central(bb, b, b), ab: central(ab, a, b) };
}
