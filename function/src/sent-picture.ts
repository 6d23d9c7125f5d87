import sharp from 'sharp';
import { openPicture, unpack } from './pipeline/start/read-picture.ts';

/** What a request that came with a picture needs to know of it. */
export interface SentPictureFacts {
  /** The right way up. */
  width: number;
  height: number;
  /** Opacity, a byte a pixel; undefined where every pixel is opaque. */
  alpha: Uint8Array | undefined;
}

/**
 * Opens a picture from outside: PNG, JPEG or WebP, of bounded size.
 * @throws FunctionError `invalid_input` naming the field.
 */
export const describePicture = async (file: Uint8Array, field: 'initImage' | 'mask'): Promise<SentPictureFacts> => {
  const picture = await openPicture(file, field);
  const opacity = picture.alpha();
  const alpha = opacity === undefined ? undefined : (await unpack(opacity, field)).data;
  const { width, height } = picture;
  return { width, height, alpha: alpha?.some((value) => value < 255) ? alpha : undefined };
};

/** Makes a mask's file, white where to draw, from the transparency of a picture. */
export const maskFromAlpha = async (
  { width, height }: Pick<SentPictureFacts, 'width' | 'height'>,
  alpha: Uint8Array,
  /** From opacity to how much is drawn, both 0 to 255. */
  drawn: (opacity: number) => number,
): Promise<Uint8Array> =>
  await sharp(alpha.map(drawn), { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
