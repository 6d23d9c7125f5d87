import { FunctionError } from '../../errors.ts';
import type { Pixels } from '../start/pixels.ts';
import { openPicture, unpack } from '../start/read-picture.ts';
import { resizeTo } from '../start/resize.ts';

const STEP = 32;

/**
 * The picture that `img2img` starts from, its sides cut down to multiples of 32.
 *
 * Source: `load_img` in CompVis' `scripts/img2img.py`.
 * @throws FunctionError `invalid_input` for what is no such picture.
 */
export async function openInitImage(file: Uint8Array): Promise<Pixels> {
  const picture = await openPicture(file, 'initImage');
  const floor = (side: number) => side - (side % STEP);
  const size = { width: floor(picture.width), height: floor(picture.height) };
  if (size.width === 0 || size.height === 0) {
    const message = `--init-img is smaller than ${STEP} by ${STEP} pixels: use a larger one`;
    throw new FunctionError('invalid_input', message, { field: 'init-img' });
  }
  return unpack(resizeTo(picture.color(), picture, size, 'stretch'), 'initImage');
}
