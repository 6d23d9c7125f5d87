import sharp, { type Sharp } from 'sharp';
import { FunctionError } from '../../errors.ts';
import type { Pixels } from './pixels.ts';

/** Photographs of phones fit; a picture that unpacks to more is an attack on memory. */
const MAX_PIXELS = 50_000_000;
const MAX_SECONDS = 20;

/** The first bytes of what may be read: sharp knows other formats, which run more code than a picture needs. */
const signatures: readonly ((file: Uint8Array) => boolean)[] = [
  (file) => startsWith(file, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), // PNG
  (file) => startsWith(file, [0xff, 0xd8, 0xff]), // JPEG
  (file) => startsWith(file, [0x52, 0x49, 0x46, 0x46]) && startsWith(file.subarray(8), [0x57, 0x45, 0x42, 0x50]), // WebP
];

/** What messages call a picture. */
export type PictureField = 'initImage' | 'mask' | 'file';

/** A picture that a caller sent, opened but not yet unpacked. */
export interface SentPicture {
  width: number;
  height: number;
  /** RGB as it stands, the right way up, on white where it is transparent. */
  color(): Sharp;
  /** Brightness alone; transparent is black. */
  mask(): Sharp;
  /** Opacity alone; undefined for a file that has none. */
  alpha(): Sharp | undefined;
}

/**
 * Opens a picture from outside: PNG, JPEG or WebP, of bounded size.
 * @throws FunctionError `invalid_input` naming the field.
 */
export async function openPicture(file: Uint8Array, field: PictureField): Promise<SentPicture> {
  if (!signatures.some((matches) => matches(file))) {
    throw new FunctionError('invalid_input', `${field} is not a PNG, JPEG or WebP file`, { field });
  }
  const open = () =>
    sharp(file, { limitInputPixels: MAX_PIXELS, failOn: 'error', pages: 1 })
      .timeout({ seconds: MAX_SECONDS })
      .autoOrient()
      .toColourspace('srgb');
  const { autoOrient, hasAlpha } = await orRefuse(open().metadata(), field);
  return {
    width: autoOrient.width,
    height: autoOrient.height,
    color: () => open().flatten({ background: '#ffffff' }),
    mask: () => open().flatten({ background: '#000000' }).greyscale(),
    alpha: () => (hasAlpha ? open().extractChannel('alpha') : undefined),
  };
}

/**
 * Unpacks what is left of a picture after its changes.
 * @throws FunctionError `invalid_input` naming the field when the file is broken or too large.
 */
export async function unpack(picture: Sharp, field: PictureField): Promise<Pixels> {
  const { data, info } = await orRefuse(picture.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true }), field);
  const { width, height, channels } = info;
  return { data, width, height, channels };
}

async function orRefuse<Result>(reading: Promise<Result>, field: PictureField): Promise<Result> {
  try {
    return await reading;
  } catch (cause) {
    const message = `${field} cannot be read: it is damaged, or has more than ${MAX_PIXELS / 1e6} million pixels`;
    throw new FunctionError('invalid_input', message, { field, cause });
  }
}

function startsWith(file: Uint8Array, bytes: readonly number[]): boolean {
  return bytes.every((byte, i) => file[i] === byte);
}
