import type { Pixels } from './pixels.ts';
import { fromSharp, type Size, toSharp } from './resize.ts';

/**
 * Softens a mask's edges, mirrored at the border.
 *
 * Source: A1111 `modules/processing.py`, which has OpenCV do it with a kernel of 2·⌊2.5 σ + 0.5⌋ + 1 pixels.
 *
 * @param sigma Pixels; 0 leaves the mask as it is.
 */
export function blurMask(mask: Pixels, sigma: number): Pixels {
  const radius = Math.trunc(2.5 * sigma + 0.5);
  if (sigma === 0 || radius === 0) return mask;
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const kernel = weights.map((weight) => weight / total);
  return blurLines(blurLines(mask, kernel, 'across'), kernel, 'down');
}

function blurLines({ data, width, height, channels }: Pixels, kernel: Float64Array, way: 'across' | 'down'): Pixels {
  const [length, lines] = way === 'across' ? [width, height] : [height, width];
  const [step, lineStep] = way === 'across' ? [1, width] : [width, 1];
  const radius = (kernel.length - 1) / 2;
  const blurred = new Uint8Array(data.length);
  for (let line = 0; line < lines; line += 1) {
    for (let i = 0; i < length; i += 1) {
      let sum = 0;
      for (const [k, weight] of kernel.entries()) {
        sum += weight * (data[line * lineStep + mirror(i + k - radius, length) * step] as number);
      }
      blurred[line * lineStep + i * step] = Math.round(sum);
    }
  }
  return { data: blurred, width, height, channels };
}

/** … 2 1 | 0 1 2 … n−2 n−1 | n−2 … */
function mirror(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const position = ((index % period) + period) % period;
  return position < length ? position : period - position;
}

/**
 * The mask for latents, one value a cell and channel: 1 where to draw, 0 where to keep.
 *
 * Source: A1111 `modules/processing.py`: bicubic, then rounded.
 */
export async function toLatentMask(mask: Pixels, { width, height }: Size, channels: number): Promise<Float32Array> {
  const { data } = await fromSharp(toSharp(mask).resize(width, height, { kernel: 'cubic', fit: 'fill' }).greyscale());
  const plane = Float32Array.from(data, (value) => Math.round(value / 255));
  const tiled = new Float32Array(plane.length * channels);
  for (let channel = 0; channel < channels; channel += 1) tiled.set(plane, channel * plane.length);
  return tiled;
}

export interface Area extends Size {
  left: number;
  top: number;
}

/**
 * The smallest rectangle around all that a mask shows, with padding, in the shape of the picture to be drawn as far as
 * there is room; undefined where the mask shows nothing.
 *
 * Source: A1111 `modules/masking.py` (`get_crop_region`, `expand_crop_region`).
 */
export function areaAround(mask: Pixels, padding: number, shape: Size): Area | undefined {
  const { data, width, height } = mask;
  let [x1, y1, x2, y2] = [width, height, 0, 0];
  for (const [i, value] of data.entries()) {
    if (value === 0) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x + 1), Math.max(y2, y + 1)];
  }
  if (x2 === 0) return undefined;
  const across = { start: Math.max(x1 - padding, 0), end: Math.min(x2 + padding, width) };
  const down = { start: Math.max(y1 - padding, 0), end: Math.min(y2 + padding, height) };
  const ratio = shape.width / shape.height;
  const isWide = (across.end - across.start) / (down.end - down.start) > ratio;
  const horizontal = isWide ? across : widen(across, Math.trunc((down.end - down.start) * ratio), width);
  const vertical = isWide ? widen(down, Math.trunc((across.end - across.start) / ratio), height) : down;
  return {
    left: horizontal.start,
    top: vertical.start,
    width: horizontal.end - horizontal.start,
    height: vertical.end - vertical.start,
  };
}

/** Grows a range to a length on both sides alike, moved and at last cut to stay within 0 … limit. */
function widen({ start, end }: { start: number; end: number }, length: number, limit: number) {
  const more = length - (end - start);
  let [low, high] = [start - Math.floor(more / 2), end + more - Math.floor(more / 2)];
  if (high >= limit) [low, high] = [low - (high - limit), limit];
  if (low < 0) [low, high] = [0, high - low];
  return { start: low, end: Math.min(high, limit) };
}
