import { describePicture, maskFromAlpha, type SentPictureFacts } from '../../../sent-picture.ts';
import type { ApiContext } from '../../api-context.ts';
import { invalidField } from '../compat-input.ts';
import { keepPicture } from '../pictures.ts';

/** A picture that a request starts from, as fields of the contract. */
export interface StartPicture extends Pick<SentPictureFacts, 'width' | 'height'> {
  fields: { initImage: string; mask?: string; strength?: number };
}

/** OpenAI's convention: what is transparent is drawn. */
const drawnWhereTransparent = (opacity: number): number => 255 - opacity;

/**
 * Keeps the picture of an edit, and its mask: the transparent places of the mask, or of the picture itself, are drawn
 * anew altogether; without any, the whole picture is changed.
 * @throws FunctionError `invalid_input` naming the field.
 */
export const keepEditedPicture = async (
  context: ApiContext,
  image: Uint8Array,
  mask?: Uint8Array,
): Promise<StartPicture> => {
  const { width, height, alpha } = await describePicture(image, 'initImage');
  const shape = mask === undefined ? { width, height, alpha } : await describeMask(mask, { width, height });
  const initImage = await keepPicture(context, image, 'initImage');
  if (shape.alpha === undefined) return { width, height, fields: { initImage } };
  const file = await maskFromAlpha(shape, shape.alpha, drawnWhereTransparent);
  return { width, height, fields: { initImage, mask: await keepPicture(context, file, 'mask'), strength: 1 } };
};

const describeMask = async (mask: Uint8Array, image: Pick<SentPictureFacts, 'width' | 'height'>) => {
  const shape = await describePicture(mask, 'mask');
  if (shape.alpha === undefined)
    throw invalidField('mask', 'mask has no transparent places: they are what is drawn anew');
  if (shape.width !== image.width || shape.height !== image.height)
    throw invalidField('mask', `mask must have the size of image, ${image.width}x${image.height}`);
  return shape;
};
