import type { Pixels } from '../start/pixels.ts';

/** Pillow's fixed point: the weights of a pixel are multiples of 2⁻²², and sums are rounded to the nearest whole number. */
const PRECISION = 2 ** 22;
/** How far a cubic reaches, in pixels of whichever picture is the smaller. */
const SUPPORT = 2;

/**
 * A picture in another size, to the bit as Pillow's `Image.resize` with `BICUBIC`: first the width, then the height.
 *
 * Source: `src/libImaging/Resample.c`.
 */
export function resizeBicubic(pixels: Pixels, width: number, height: number): Pixels {
  return resizeColumns(resizeRows(pixels, width), height);
}

/** What of a row, or column, goes into one pixel of the new one. */
interface Window {
  readonly start: number;
  /** Times 2²². */
  readonly weights: readonly number[];
}

function createWindows(from: number, to: number): Window[] {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = SUPPORT * stretch;
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const values = Array.from({ length: end - start }, (_, k) => cubic((k + start - center + 0.5) * (1 / stretch)));
    const sum = values.reduce((total, value) => total + value, 0);
    return { start, weights: values.map((value) => roundAway((sum === 0 ? value : value / sum) * PRECISION)) };
  });
}

/** Keys (1981), with a = -1/2. */
function cubic(x: number): number {
  const a = -0.5;
  const distance = Math.abs(x);
  if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * a;
  return 0;
}

/** To the nearest, halves away from zero. */
function roundAway(value: number): number {
  return Math.trunc(value + (value < 0 ? -0.5 : 0.5));
}

function resizeRows({ data, width, height, channels }: Pixels, newWidth: number): Pixels {
  const windows = createWindows(width, newWidth);
  const resized = new Uint8ClampedArray(newWidth * height * channels);
  for (let y = 0; y < height; y += 1) {
    for (const [x, window] of windows.entries()) {
      for (let channel = 0; channel < channels; channel += 1) {
        const start = (y * width + window.start) * channels + channel;
        resized[(y * newWidth + x) * channels + channel] = weigh(data, start, channels, window.weights);
      }
    }
  }
  return { data: new Uint8Array(resized.buffer), width: newWidth, height, channels };
}

function resizeColumns({ data, width, height, channels }: Pixels, newHeight: number): Pixels {
  const rowLength = width * channels;
  const resized = new Uint8ClampedArray(newHeight * rowLength);
  for (const [y, window] of createWindows(height, newHeight).entries()) {
    for (let i = 0; i < rowLength; i += 1) {
      resized[y * rowLength + i] = weigh(data, window.start * rowLength + i, rowLength, window.weights);
    }
  }
  return { data: new Uint8Array(resized.buffer), width, height: newHeight, channels };
}

/** The weighted sum of values that lie `stride` apart. */
function weigh(data: Uint8Array, start: number, stride: number, weights: readonly number[]): number {
  let sum = PRECISION / 2;
  for (let k = 0; k < weights.length; k += 1) {
    sum += (data[start + k * stride] as number) * (weights[k] as number);
  }
  return Math.floor(sum / PRECISION);
}
