import { type GenerateSettings, SIZE_STEP } from '@safelight/sdk/contract';
import { type Tensor, tensor } from '../../runtime/tensor.ts';
import type { DiffusionModel } from '../diffusion-model.ts';
import type { ImageNoise } from '../image-noise.ts';
import type { InitialImage } from '../schedulers/sampler.ts';
import { toLatentMask } from './mask.ts';
import type { Start } from './open-start.ts';
import { mapPixels, toImage } from './pixels.ts';

/** Latents of a picture, [1, 4, h/8, w/8] of unit variance, at the place that the noise picks. */
export async function encodePicture(model: DiffusionModel, picture: Tensor, noise: Float32Array): Promise<Tensor> {
  const { mean, deviation } = await model.encodeImage(picture);
  const data = mean.data.map((value, i) => value + (deviation.data[i] as number) * (noise[i] as number));
  return tensor(data, mean.dims);
}

/** The latents that a run starts from, with the latents' mask. Draws the posterior's noise. */
export async function encodeStart(
  model: DiffusionModel,
  { picture, mask }: Start,
  { strength = 0.75, maskFill }: GenerateSettings,
  noise: ImageNoise,
): Promise<InitialImage> {
  const { data, dims } = await encodePicture(model, toImage(picture), noise.posterior());
  if (mask === undefined) return { latents: data, strength };
  const [, channels = 0, height = 0, width = 0] = dims;
  const latentMask = await toLatentMask(mask, { width, height }, channels);
  return { latents: replaceMasked(data, latentMask, maskFill, noise), strength, mask: latentMask };
}

/** Source: A1111 `modules/processing.py`: noise is that of the seed, the same as the run starts from. */
function replaceMasked(
  latents: Float32Array,
  mask: Float32Array,
  maskFill: GenerateSettings['maskFill'],
  noise: ImageNoise,
): Float32Array {
  if (maskFill !== 'latent_noise' && maskFill !== 'latent_nothing') return latents;
  const replacement = maskFill === 'latent_noise' ? noise.start() : new Float32Array(latents.length);
  return latents.map((value, i) => value + (mask[i] as number) * ((replacement[i] as number) - value));
}

/**
 * What an inpainting model sees beside the latents: the mask, and the picture without what the mask covers, [1, 5, h/8, w/8].
 * Without a mask all is to be drawn. Undefined for other models.
 *
 * Source: A1111 `inpainting_image_conditioning`, diffusers `prepare_mask_latents`.
 */
export async function encodeInpaintingInput(
  model: DiffusionModel,
  start: Start | undefined,
  { width, height }: GenerateSettings,
  noise: ImageNoise,
): Promise<Tensor | undefined> {
  if (!isInpaintingModel(model)) return undefined;
  const mask = start?.mask && mapPixels(start.mask, (value) => (value >= 128 ? 1 : 0));
  const image = start?.mask === undefined ? blank(width, height) : toImage(start.picture);
  const plane = width * height;
  const masked = image.data.map((value, i) => (mask?.data[i % plane] === 0 ? value : 0));
  const latents = await encodePicture(model, tensor(masked, image.dims), noise.posterior());
  const [, , latentHeight = 0, latentWidth = 0] = latents.dims;
  const cells = Float32Array.from({ length: latentHeight * latentWidth }, (_, i) => {
    const [x, y] = [(i % latentWidth) * SIZE_STEP, Math.floor(i / latentWidth) * SIZE_STEP];
    return mask?.data[y * width + x] ?? 1;
  });
  const data = new Float32Array(cells.length + latents.data.length);
  data.set(cells);
  data.set(latents.data, cells.length);
  return tensor(data, [1, 1 + (latents.dims[1] ?? 0), latentHeight, latentWidth]);
}

/** An inpainting UNet wants a mask and a picture beside the latents: nine channels where others have four. */
function isInpaintingModel({ config }: DiffusionModel): boolean {
  return config.unet.in_channels === 2 * config.vae.embed_dim + 1;
}

function blank(width: number, height: number): Tensor {
  return tensor(new Float32Array(3 * width * height), [1, 3, height, width]);
}

/** The model with that input beside the latents of every prediction. */
export function withInpaintingInput(model: DiffusionModel, input: Tensor | undefined): DiffusionModel {
  if (input === undefined) return model;
  return {
    ...model,
    predictNoise: (latents, timestep, ...prompted) => {
      const [, channels = 0, ...sides] = latents.dims;
      const data = new Float32Array(latents.data.length + input.data.length);
      data.set(latents.data);
      data.set(input.data, latents.data.length);
      const joined = tensor(data, [1, channels + (input.dims[1] ?? 0), ...sides]);
      return model.predictNoise(joined, timestep, ...prompted);
    },
  };
}
