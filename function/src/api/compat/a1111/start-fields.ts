import { describePicture, maskFromAlpha } from '../../../sent-picture.ts';
import type { ApiContext } from '../../api-context.ts';
import { invalidField } from '../compat-input.ts';
import { decodeBase64, keepPicture } from '../pictures.ts';
import type { Body } from '../read-body.ts';
import { readChoice, readFlag, readNumber } from './read-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

const RESIZE_MODES = ['stretch', 'crop', 'extend'] as const;
const MASK_FILLS = ['fill', 'original', 'latent_noise', 'latent_nothing'] as const;

/**
 * Where a mask has transparent places, its opaque ones are drawn, whatever their colour; else its white ones.
 *
 * Source: A1111 `modules/processing.py` (`create_binary_mask`).
 */
const toMask = async (file: Uint8Array): Promise<Uint8Array> => {
  const { alpha, ...size } = await describePicture(file, 'mask');
  return alpha === undefined ? file : await maskFromAlpha(size, alpha, (opacity) => (opacity > 128 ? 255 : 0));
};

/** With AUTOMATIC1111's own defaults, which differ from ours. */
const maskFields = async (context: ApiContext, body: Body): Promise<Fields> => {
  if (body.mask === undefined || body.mask === null || body.mask === '') return {};
  const mask = await keepPicture(context, await toMask(decodeBase64(body.mask, 'mask')), 'mask');
  const isMasked = readFlag(body, 'inpaint_full_res') ?? true;
  return {
    mask,
    maskBlur: readNumber(body, 'mask_blur') ?? readNumber(body, 'mask_blur_x') ?? 4,
    maskFill: readChoice(body, 'inpainting_fill', MASK_FILLS) ?? 'fill',
    inpaintArea: isMasked ? 'masked' : 'whole',
    maskPadding: isMasked ? (readNumber(body, 'inpaint_full_res_padding') ?? 0) : undefined,
    invertMask: readFlag(body, 'inpainting_mask_invert'),
  };
};

/**
 * Keeps the pictures of an img2img request.
 * @throws FunctionError `invalid_input` naming the field.
 */
export const startFields = async (context: ApiContext, body: Body): Promise<Fields> => {
  const images: unknown = body.init_images;
  if (!Array.isArray(images) || images.length !== 1)
    throw invalidField('init_images', 'init_images must be a list of one picture in base64');
  const initImage = await keepPicture(context, decodeBase64(images[0], 'init_images'), 'initImage');
  return {
    initImage,
    strength: readNumber(body, 'denoising_strength') ?? 0.75,
    resizeMode: readChoice(body, 'resize_mode', RESIZE_MODES) ?? 'stretch',
    ...(await maskFields(context, body)),
  };
};
