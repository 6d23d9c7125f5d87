import type { ResizeMode } from '@safelight/sdk/contract';
import sharp, { type Sharp } from 'sharp';
import type { Pixels } from './pixels.ts';

export interface Size {
  width: number;
  height: number;
}

const lanczos = { kernel: 'lanczos3', fastShrinkOnLoad: false } as const;

/**
 * Brings a picture to a size, as A1111's modes do; `extend` draws out the edges where it leaves bars.
 *
 * Source: A1111 `modules/images.py` (`resize_image`); libvips' Lanczos differs from Pillow's by a few levels.
 */
export function resizeTo(picture: Sharp, own: Size, { width, height }: Size, mode: ResizeMode): Sharp {
  if (mode === 'stretch') return picture.resize(width, height, { ...lanczos, fit: 'fill' });
  if (mode === 'crop') return picture.resize(width, height, { ...lanczos, fit: 'cover', position: 'centre' });
  const scale = Math.min(width / own.width, height / own.height);
  const inner = {
    width: Math.min(width, Math.max(1, Math.floor(own.width * scale))),
    height: Math.min(height, Math.max(1, Math.floor(own.height * scale))),
  };
  const left = Math.floor((width - inner.width) / 2);
  const top = Math.floor((height - inner.height) / 2);
  return picture.resize(inner.width, inner.height, { ...lanczos, fit: 'fill' }).extend({
    left,
    top,
    right: width - inner.width - left,
    bottom: height - inner.height - top,
    extendWith: 'copy',
  });
}

/** Pixels in another size, Lanczos. */
export function resizePixels(pixels: Pixels, size: Size): Promise<Pixels> {
  return fromSharp(toSharp(pixels).resize(size.width, size.height, { ...lanczos, fit: 'fill' }));
}

export function toSharp({ data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels: channels as 1 | 3 | 4 } });
}

export async function fromSharp(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** The part of a picture within a rectangle. */
export function crop({ data, width, channels }: Pixels, area: Size & { left: number; top: number }): Pixels {
  const cropped = new Uint8Array(area.width * area.height * channels);
  for (let y = 0; y < area.height; y += 1) {
    const start = ((area.top + y) * width + area.left) * channels;
    cropped.set(data.subarray(start, start + area.width * channels), y * area.width * channels);
  }
  return { data: cropped, width: area.width, height: area.height, channels };
}

/** A picture with another one put into it. */
export function paste(under: Pixels, over: Pixels, { left, top }: { left: number; top: number }): Pixels {
  const data = Uint8Array.from(under.data);
  const rowBytes = over.width * over.channels;
  for (let y = 0; y < over.height; y += 1) {
    data.set(over.data.subarray(y * rowBytes, (y + 1) * rowBytes), ((top + y) * under.width + left) * under.channels);
  }
  return { ...under, data };
}
