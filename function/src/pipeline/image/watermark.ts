import type { Pixels } from '../start/pixels.ts';
import { toRgb, toYuv } from './yuv.ts';

/** What CompVis' `txt2img.py` writes into its pictures, and so do we. */
export const WATERMARK = 'StableDiffusionV1';

/** Side of the squares that carry a bit each, in coefficients; a coefficient stands for 2 by 2 pixels. */
const BLOCK = 4;
/** Distance of two coefficients that mean the same bit. */
const SCALE = 36;
const MIN_PIXELS = 256 * 256;

type Size = Pick<Pixels, 'width' | 'height'>;

/** Whether a picture is large enough; the original refuses smaller ones, which have too few squares for the text. */
export function canCarryWatermark({ width, height }: Size): boolean {
  return width * height >= MIN_PIXELS;
}

/**
 * Writes a text into a picture's colours, unseen, as the original's `invisible-watermark` does (method `dwtDct`): each
 * square of 8 by 8 pixels carries a bit in its largest Haar coefficient. To the bit the same pixels, the original's ways
 * included: there is no cosine transform, whatever the method's name says; the details change places on their way
 * back; and a colour out of range starts again from the other end.
 *
 * Source: ShieldMnt/invisible-watermark 0.2.0, `imwatermark/maxDct.py`.
 * @param pixels RGB, large enough.
 */
export function addWatermark(pixels: Pixels, text: string = WATERMARK): Pixels {
  const planes = toYuv(pixels.data);
  const haar = toHaar(planes.u, pixels);
  const bits = toBits(text);
  for (const [i, at] of largestCoefficients(haar).entries()) {
    const value = haar.approximation[at] as number;
    const size = Math.abs(value);
    const level = Math.round((size - (size % SCALE)) / SCALE);
    const marked = (level + 0.25 + 0.5 * (bits[i % bits.length] as number)) * SCALE;
    haar.approximation[at] = value >= 0 ? marked : -marked;
  }
  fromHaar(haar, planes.u, pixels);
  return { ...pixels, data: toRgb(planes) };
}

/**
 * Reads what `addWatermark` or the original's encoder wrote, in UTF-8. A picture without a watermark gives any bytes.
 * @param byteLength How long the text is: the picture does not say.
 */
export function readWatermark(pixels: Pixels, byteLength: number = WATERMARK.length): Uint8Array {
  const haar = toHaar(toYuv(pixels.data).u, pixels);
  const bitCount = byteLength * 8;
  const votes = new Float64Array(bitCount);
  const counts = new Float64Array(bitCount);
  for (const [i, at] of largestCoefficients(haar).entries()) {
    const bit = i % bitCount;
    const saysOne = Math.abs(haar.approximation[at] as number) % SCALE > SCALE / 2;
    votes[bit] = (votes[bit] as number) + (saysOne ? 1 : 0);
    counts[bit] = (counts[bit] as number) + 1;
  }
  const bytes = new Uint8Array(byteLength);
  for (const [i, count] of counts.entries()) {
    const isOne = ((votes[i] as number) / count) * 255 > 127;
    if (isOne) bytes[i >> 3] = (bytes[i >> 3] as number) | (0x80 >> (i & 7));
  }
  return bytes;
}

/**
 * How many bits of the watermark a picture has. Half of them are chance; flat and saturated areas lose some on the way
 * into the picture, and compression others.
 */
export function countMatchingBits(pixels: Pixels, text: string = WATERMARK): { matching: number; total: number } {
  const expected = toBits(text);
  const found = toBits(readWatermark(pixels, expected.length / 8));
  return { matching: found.filter((bit, i) => bit === expected[i]).length, total: expected.length };
}

function toBits(text: string | Uint8Array): number[] {
  return [...Buffer.from(text)].flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> (7 - bit)) & 1));
}

/** Haar coefficients of a plane, one of each kind for 2 by 2 pixels. */
interface Haar {
  readonly rows: number;
  readonly columns: number;
  readonly approximation: Float64Array;
  /** Differences from row to row, from column to column, and of both. */
  readonly vertical: Float64Array;
  readonly horizontal: Float64Array;
  readonly diagonal: Float64Array;
}

/** Sums and differences in the order in which PyWavelets rounds them. What is left of a multiple of 4 is left out. */
function toHaar(plane: Uint8ClampedArray, { width, height }: Size): Haar {
  const rows = Math.floor(height / 4) * 2;
  const columns = Math.floor(width / 4) * 2;
  const create = () => new Float64Array(rows * columns);
  const haar = { approximation: create(), vertical: create(), horizontal: create(), diagonal: create() };
  const s = Math.SQRT1_2;
  for (let i = 0; i < rows * columns; i += 1) {
    const at = corner(i, columns, width);
    const [a, b] = [plane[at] as number, plane[at + 1] as number];
    const [c, d] = [plane[at + width] as number, plane[at + width + 1] as number];
    const [sumLeft, sumRight] = [s * a + s * c, s * b + s * d];
    const [differenceLeft, differenceRight] = [s * a - s * c, s * b - s * d];
    haar.approximation[i] = s * sumLeft + s * sumRight;
    haar.horizontal[i] = s * sumLeft - s * sumRight;
    haar.vertical[i] = s * differenceLeft + s * differenceRight;
    haar.diagonal[i] = s * differenceLeft - s * differenceRight;
  }
  return { rows, columns, ...haar };
}

/** Back into the plane, the vertical details taken for the horizontal ones and the other way round, as the original does. */
function fromHaar({ rows, columns, ...haar }: Haar, plane: Uint8ClampedArray, { width }: Size): void {
  const s = Math.SQRT1_2;
  // As NumPy makes a byte of a float: cut off, and round the clock.
  const toByte = (value: number) => Math.trunc(value) & 0xff;
  for (let i = 0; i < rows * columns; i += 1) {
    const at = corner(i, columns, width);
    const approximation = haar.approximation[i] as number;
    const [horizontal, vertical] = [haar.vertical[i] as number, haar.horizontal[i] as number];
    const diagonal = haar.diagonal[i] as number;
    const [sumLeft, sumRight] = [s * approximation + s * horizontal, s * approximation - s * horizontal];
    const [differenceLeft, differenceRight] = [s * vertical + s * diagonal, s * vertical - s * diagonal];
    plane[at] = toByte(s * sumLeft + s * differenceLeft);
    plane[at + width] = toByte(s * sumLeft - s * differenceLeft);
    plane[at + 1] = toByte(s * sumRight + s * differenceRight);
    plane[at + width + 1] = toByte(s * sumRight - s * differenceRight);
  }
}

/** Where in the plane the 2 by 2 pixels of coefficient `i` begin. */
function corner(i: number, columns: number, width: number): number {
  return Math.floor(i / columns) * 2 * width + (i % columns) * 2;
}

/** Of every square, row by row, the place of its largest coefficient but the first. */
function largestCoefficients({ rows, columns, approximation }: Haar): number[] {
  const places: number[] = [];
  for (let top = 0; top + BLOCK <= rows; top += BLOCK) {
    for (let left = 0; left + BLOCK <= columns; left += BLOCK) {
      let largest = top * columns + left + 1;
      for (let i = 2; i < BLOCK * BLOCK; i += 1) {
        const at = (top + Math.floor(i / BLOCK)) * columns + left + (i % BLOCK);
        if (Math.abs(approximation[at] as number) > Math.abs(approximation[largest] as number)) largest = at;
      }
      places.push(largest);
    }
  }
  return places;
}
