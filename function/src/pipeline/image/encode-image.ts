import type { ImageFormat } from '@safelight/sdk/contract';
import type { Tensor } from '../../runtime/tensor.ts';
import type { Pixels } from '../start/pixels.ts';
import { toSharp } from '../start/resize.ts';
import { createExif, replaceJpegExif, replaceWebpExif } from './exif.ts';
import { insertPngText } from './png-text.ts';
import { createXmp, type DigitalSource } from './xmp.ts';

/** A picture's EXIF is ours; sharp is asked for one only so that the file has a place for it. */
const placeholder = { IFD0: { Software: 'Safelight' } };

/** By it readers find XMP in a PNG; its packet begins with a mark that makes it an `iTXt`, as they expect. */
const XMP_KEYWORD = 'XML:com.adobe.xmp';

/** What a file says about its picture. */
export interface ImageMetadata {
  /** AUTOMATIC1111's text: a PNG text chunk, or the EXIF user comment of a JPEG or WebP. Absent, a PNG has none. */
  readonly parameters?: string | undefined;
  /** How the picture came to be, in XMP. */
  readonly source: DigitalSource;
}

/** Encodes a picture as a file. The same pixels and metadata give the same bytes. */
export async function encodeImage(
  pixels: Pixels,
  format: ImageFormat,
  { parameters = '', source }: ImageMetadata,
): Promise<Uint8Array> {
  const picture = toSharp(pixels);
  const xmp = createXmp(source);
  switch (format) {
    case 'png': {
      // libvips would compress it, where the XMP specification does not want it and readers do not look for it.
      const file = insertPngText(await picture.png().toBuffer(), XMP_KEYWORD, xmp);
      return parameters === '' ? file : insertPngText(file, 'parameters', parameters);
    }
    case 'jpeg': {
      const encoder = picture.jpeg({ quality: 95, chromaSubsampling: '4:4:4' });
      const file = await encoder.withExif(placeholder).withXmp(xmp).toBuffer();
      return replaceJpegExif(file, createExif(parameters));
    }
    case 'webp': {
      const file = await picture.webp({ quality: 95 }).withExif(placeholder).withXmp(xmp).toBuffer();
      return replaceWebpExif(file, createExif(parameters));
    }
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
