import type { GenerateSettings } from '@safelight/sdk/contract';
import type { GenerateOptions } from '../../engine.ts';
import { FunctionError } from '../../errors.ts';
import { fillMasked } from './fill.ts';
import { areaAround, blurMask } from './mask.ts';
import { mapPixels, mix, type Pixels } from './pixels.ts';
import { openPicture, type SentPicture, unpack } from './read-picture.ts';
import { crop, paste, resizePixels, resizeTo } from './resize.ts';

/** With `inpaintArea: 'masked'` the finished picture has the size of the initial one, so that one is bounded. */
const MAX_SIDE = 4096;

/** What a job starts from, brought to the size at which it is drawn. */
export interface Start {
  /** What is encoded: the initial picture, with the masked part filled as asked for. */
  readonly picture: Pixels;
  /** 255 where to draw; absent, all is drawn. */
  readonly mask: Pixels | undefined;
  /** Puts what was drawn into the initial picture. */
  finish(drawn: Pixels): Promise<Pixels>;
}

/**
 * Reads the pictures that a job starts from; undefined where it starts from noise alone.
 * @throws FunctionError `invalid_input` naming the field at fault.
 */
export async function openStart(
  settings: GenerateSettings,
  readUpload: GenerateOptions['readUpload'],
): Promise<Start | undefined> {
  if (settings.initImage === undefined) return undefined;
  const open = async (field: 'initImage' | 'mask', key: string) => {
    const file = await readUpload?.(key);
    if (file !== undefined) return openPicture(file, field);
    throw new FunctionError('invalid_input', `${field} is not there: upload it again`, { field });
  };
  const picture = await open('initImage', settings.initImage);
  const mask = settings.mask === undefined ? undefined : await open('mask', settings.mask);
  if (settings.outpaint !== undefined) return outpaint(settings, settings.outpaint, picture, mask);
  if (mask === undefined) return wholePicture(await resized(picture, settings, 'color'));
  if (settings.inpaintArea === 'masked') return inpaintArea(settings, picture, mask);
  return inpaint(settings, await resized(picture, settings, 'color'), await drawnPart(settings, mask));
}

function wholePicture(picture: Pixels): Start {
  return { picture, mask: undefined, finish: async (drawn) => drawn };
}

/** The whole picture is drawn, and what lies under the mask taken of it. */
async function inpaint(settings: GenerateSettings, picture: Pixels, hardMask: Pixels): Promise<Start> {
  const mask = blurMask(hardMask, settings.maskBlur ?? 0);
  // As A1111 does: the blurred mask is widened, so that its soft edge lies outside of what was asked for.
  const seam = mapPixels(mask, (value) => Math.min(2 * value, 255));
  return {
    picture: await filled(settings, picture, mask),
    mask,
    finish: async (drawn) => mix(picture, drawn, seam),
  };
}

/** Only the surroundings of the mask are drawn, enlarged, and put back into the picture at its own size. */
async function inpaintArea(settings: GenerateSettings, init: SentPicture, sentMask: SentPicture): Promise<Start> {
  const { width, height, maskBlur = 0, maskPadding = 0, invertMask = false } = settings;
  if (Math.max(init.width, init.height) > MAX_SIDE) {
    const message = `initImage is larger than ${MAX_SIDE} pixels: make it smaller, or draw the whole (inpaintArea whole)`;
    throw new FunctionError('invalid_input', message, { field: 'initImage' });
  }
  const own = { width: init.width, height: init.height };
  const picture = await unpack(init.color(), 'initImage');
  const hardMask = await unpack(resizeTo(sentMask.mask(), sentMask, own, 'stretch'), 'mask');
  const mask = blurMask(invertMask ? mapPixels(hardMask, (value) => 255 - value) : hardMask, maskBlur);
  const area = areaAround(mask, maskPadding, settings);
  if (area === undefined) {
    throw new FunctionError('invalid_input', 'mask shows nothing to draw: paint it white there', { field: 'mask' });
  }
  const areaMask = await resizePixels(crop(mask, area), { width, height });
  return {
    picture: await filled(settings, await resizePixels(crop(picture, area), { width, height }), areaMask),
    mask: areaMask,
    finish: async (drawn) => mix(picture, paste(picture, await resizePixels(drawn, area), area), mask),
  };
}

/** The initial picture lies within margins, which are drawn. */
async function outpaint(
  settings: GenerateSettings,
  { left, top, right, bottom }: NonNullable<GenerateSettings['outpaint']>,
  init: SentPicture,
  mask: SentPicture | undefined,
): Promise<Start> {
  const { width, height } = settings;
  const inner = { ...settings, width: width - left - right, height: height - top - bottom };
  const size = width * height;
  const canvas: Pixels = { data: new Uint8Array(size * 3), width, height, channels: 3 };
  const margins: Pixels = { data: new Uint8Array(size).fill(255), width, height, channels: 1 };
  const kept: Pixels =
    mask === undefined
      ? { data: new Uint8Array(inner.width * inner.height), width: inner.width, height: inner.height, channels: 1 }
      : await drawnPart(inner, mask);
  const picture = paste(canvas, await resized(init, inner, 'color'), { left, top });
  return inpaint(settings, picture, paste(margins, kept, { left, top }));
}

async function drawnPart(settings: GenerateSettings, mask: SentPicture): Promise<Pixels> {
  const pixels = await resized(mask, settings, 'mask');
  return settings.invertMask ? mapPixels(pixels, (value) => 255 - value) : pixels;
}

function resized(picture: SentPicture, settings: GenerateSettings, kind: 'color' | 'mask'): Promise<Pixels> {
  const field = kind === 'color' ? 'initImage' : 'mask';
  return unpack(resizeTo(picture[kind](), picture, settings, settings.resizeMode ?? 'stretch'), field);
}

async function filled({ maskFill = 'original' }: GenerateSettings, picture: Pixels, mask: Pixels): Promise<Pixels> {
  return maskFill === 'original' ? picture : fillMasked(picture, mask);
}
