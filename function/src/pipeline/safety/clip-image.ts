import { type Tensor, tensor } from '../../runtime/tensor.ts';
import type { Pixels } from '../start/pixels.ts';
import { crop } from '../start/resize.ts';
import { resizeBicubic } from './bicubic.ts';

/** Of the pictures that CLIP was trained on: red, green, blue. */
const MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const DEVIATION = [0.26862954, 0.26130258, 0.27577711] as const;

/** The square in a picture's middle that CLIP looks at, `side` pixels, the shorter side of the picture brought to that. */
export function cropForClip(pixels: Pixels, side: number): Pixels {
  const shorter = Math.min(pixels.width, pixels.height);
  const scaled = (length: number) => (length === shorter ? side : Math.trunc((side * length) / shorter));
  const resized = resizeBicubic(pixels, scaled(pixels.width), scaled(pixels.height));
  const left = Math.floor((resized.width - side) / 2);
  const top = Math.floor((resized.height - side) / 2);
  return crop(resized, { left, top, width: side, height: side });
}

/** RGB bytes → [1, 3, side, side] as transformers' `CLIPImageProcessor` prepares a picture for CLIP. */
export function toClipImage(pixels: Pixels, side: number): Tensor {
  const { data } = cropForClip(pixels, side);
  const plane = side * side;
  const image = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel += 1) {
    const [mean, deviation] = [MEAN[channel] as number, DEVIATION[channel] as number];
    for (let i = 0; i < plane; i += 1) {
      image[channel * plane + i] = ((data[3 * i + channel] as number) / 255 - mean) / deviation;
    }
  }
  return tensor(image, [1, 3, side, side]);
}
