import type { Tensor } from '../../runtime/tensor.ts';

/** Bytes of a picture, row by row: `channels` values a pixel, 3 for RGB, 1 for a mask. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** RGB bytes → [1, 3, h, w] in [-1, 1]. */
export function toImage({ data, width, height, channels }: Pixels): Tensor {
  const plane = width * height;
  const image = new Float32Array(plane * channels);
  for (let i = 0; i < plane; i += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      image[channel * plane + i] = ((data[i * channels + channel] as number) / 255) * 2 - 1;
    }
  }
  return { data: image, dims: [1, channels, height, width] };
}

/** Two pictures of one size mixed by a mask: `over` where it is 255, `under` where it is 0. */
export function mix(under: Pixels, over: Pixels, mask: Pixels): Pixels {
  const data = under.data.map((value, i) => {
    const share = (mask.data[Math.floor(i / under.channels)] as number) / 255;
    return Math.round(value + share * ((over.data[i] as number) - value));
  });
  return { ...under, data };
}

export function mapPixels(pixels: Pixels, change: (value: number) => number): Pixels {
  return { ...pixels, data: pixels.data.map(change) };
}
