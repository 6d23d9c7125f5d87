import type { ImageFormat } from '@safelight/sdk/contract';
import sharp from 'sharp';
import type { Tensor } from '../../runtime/tensor.ts';
import type { Pixels } from '../start/pixels.ts';
import { createExif, replaceJpegExif, replaceWebpExif } from './exif.ts';
import { insertPngText } from './png-text.ts';

/** A picture's EXIF is ours; sharp is asked for one only so that the file has a place for it. */
const placeholder = { IFD0: { Software: 'Safelight' } };

/**
 * Encodes a picture as a file with `parameters` in its metadata: a PNG text chunk, or
 * the EXIF user comment of a JPEG or WebP. The same pixels and parameters give the same bytes.
 */
export async function encodeImage(pixels: Pixels, format: ImageFormat, parameters: string): Promise<Uint8Array> {
  const { data, width, height } = pixels;
  const picture = sharp(data, { raw: { width, height, channels: 3 } });
  switch (format) {
    case 'png':
      return insertPngText(await picture.png().toBuffer(), 'parameters', parameters);
    case 'jpeg': {
      const file = await picture.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).withExif(placeholder).toBuffer();
      return replaceJpegExif(file, createExif(parameters));
    }
    case 'webp':
      return replaceWebpExif(
        await picture.webp({ quality: 95 }).withExif(placeholder).toBuffer(),
        createExif(parameters),
      );
  }
}

/** [1, 3, h, w] in [-1, 1] → interleaved RGB bytes, clamped, and truncated as CompVis' and AUTOMATIC1111's code does. */
export function toPixels({ data, dims }: Tensor): Pixels {
  const [, channels = 0, height = 0, width = 0] = dims;
  const plane = height * width;
  const pixels = new Uint8Array(plane * channels);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let i = 0; i < plane; i += 1) {
      const unit = Math.min(Math.max(((data[channel * plane + i] as number) + 1) / 2, 0), 1);
      pixels[i * channels + channel] = Math.trunc(255 * unit);
    }
  }
  return { data: pixels, width, height, channels };
}
