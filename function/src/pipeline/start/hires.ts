import { type GenerateSettings, type Hires, SIZE_STEP } from '@safelight/sdk/contract';
import { type Tensor, tensor } from '../../runtime/tensor.ts';
import type { DiffusionModel } from '../diffusion-model.ts';
import { toPixels } from '../image/encode-image.ts';
import type { ImageNoise } from '../image-noise.ts';
import { encodePicture } from './encode-start.ts';
import { toImage } from './pixels.ts';
import { resizePixels } from './resize.ts';

/** Latents at the size of the second run. */
export async function enlargeLatents(
  model: DiffusionModel,
  latents: Tensor,
  { width, height }: GenerateSettings,
  { upscaler }: Hires,
  noise: ImageNoise,
): Promise<Tensor> {
  if (upscaler === 'latent') return interpolate(latents, width / SIZE_STEP, height / SIZE_STEP);
  const picture = toPixels(await model.decodeLatents(latents));
  return encodePicture(model, toImage(await resizePixels(picture, { width, height })), noise.posterior());
}

/**
 * Bilinear, the sampled points in the middle of their cells.
 *
 * Source: `torch.nn.functional.interpolate(mode='bilinear')`, A1111's "Latent".
 */
export function interpolate({ data, dims }: Tensor, width: number, height: number): Tensor {
  const [count = 1, channels = 1, ownHeight = 1, ownWidth = 1] = dims;
  const [across, down] = [placesOf(width, ownWidth), placesOf(height, ownHeight)];
  const result = new Float32Array(count * channels * width * height);
  for (let plane = 0; plane < count * channels; plane += 1) {
    const at = (x: number, y: number) => data[(plane * ownHeight + y) * ownWidth + x] as number;
    for (const [y, row] of down.entries()) {
      for (const [x, column] of across.entries()) {
        const top = at(column.low, row.low) * (1 - column.share) + at(column.high, row.low) * column.share;
        const bottom = at(column.low, row.high) * (1 - column.share) + at(column.high, row.high) * column.share;
        result[(plane * height + y) * width + x] = top * (1 - row.share) + bottom * row.share;
      }
    }
  }
  return tensor(result, [count, channels, height, width]);
}

/** Between which two cells each place lies, and how far from the first. */
function placesOf(count: number, cells: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: count }, (_, i) => {
    const place = Math.max(((i + 0.5) * cells) / count - 0.5, 0);
    const low = Math.min(Math.floor(place), cells - 1);
    return { low, high: Math.min(low + 1, cells - 1), share: place - low };
  });
}
