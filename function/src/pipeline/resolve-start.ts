import {
  type GenerateSettings,
  type Hires,
  type ModelInfo,
  type ParsedGenerateInput,
  SIZE_STEP,
} from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';

type StartSettings = Pick<
  GenerateSettings,
  | 'initImage'
  | 'strength'
  | 'resizeMode'
  | 'mask'
  | 'invertMask'
  | 'maskBlur'
  | 'maskFill'
  | 'inpaintArea'
  | 'maskPadding'
  | 'outpaint'
  | 'hires'
>;

interface RunSize {
  width: number;
  height: number;
  steps: number;
}

/** Fields that say nothing without an initial picture, and those that say nothing without a mask. */
const needInitImage = ['strength', 'resizeMode', 'mask', 'outpaint'] as const;
const needMask = ['invertMask', 'maskBlur', 'maskFill', 'inpaintArea', 'maskPadding'] as const;

/**
 * Fills the open choices of a job that starts from a picture, and leaves the rest out where there is none.
 * @throws FunctionError `invalid_input` naming the field that does not go with the others.
 */
export function resolveStart(input: ParsedGenerateInput, size: RunSize, { limits }: ModelInfo): StartSettings {
  const hires = input.hires === undefined ? {} : { hires: checkHires(input.hires, size, limits.maxSize) };
  if (input.initImage === undefined) {
    refuseAny(input, [...needInitImage, ...needMask], 'needs an initImage: upload one, or leave it out');
    return hires;
  }
  if (input.hires !== undefined) {
    throw invalid('hires', 'hires does not go with an initImage: draw the initImage at the larger size instead');
  }
  const { initImage, mask, outpaint, strength = 0.75, resizeMode = 'stretch' } = input;
  const start = { initImage, strength, resizeMode };
  if (mask === undefined && outpaint === undefined) {
    refuseAny(input, needMask, 'needs a mask: upload one, or leave it out');
    return start;
  }
  const { maskBlur = 4, invertMask = false, inpaintArea = 'whole', maskPadding = 32 } = input;
  const maskSettings = { invertMask, maskBlur, maskFill: input.maskFill ?? (outpaint ? 'fill' : 'original') } as const;
  if (outpaint !== undefined) checkOutpaint(outpaint, size, inpaintArea);
  return {
    ...start,
    ...maskSettings,
    ...(mask === undefined ? {} : { mask }),
    ...(outpaint === undefined ? {} : { outpaint }),
    inpaintArea,
    ...(inpaintArea === 'masked' ? { maskPadding } : {}),
  };
}

/** The size of the enlarged picture. */
export function hiresSize({ width, height, hires }: Pick<GenerateSettings, 'width' | 'height' | 'hires'>) {
  const enlarge = (side: number) => Math.floor((side * (hires?.scale ?? 1)) / SIZE_STEP) * SIZE_STEP;
  return { width: enlarge(width), height: enlarge(height) };
}

/**
 * The settings and the strength of the enlarging run. Its schedule is so long that what the strength leaves of it is as many
 * steps as asked for.
 *
 * Source: A1111 `setup_img2img_steps`, `modules/processing.py`.
 */
export function secondRunOf(
  settings: GenerateSettings,
  hires: Hires,
): { settings: GenerateSettings; strength: number } {
  const asked = hires.steps ?? settings.steps;
  if (hires.strength === 0) return { settings: { ...settings, ...hiresSize(settings) }, strength: 0 };
  const steps = Math.trunc(asked / Math.min(hires.strength, 0.999));
  // Half a step on the safe side, as the sampler cuts `strength × steps` to a whole number: to asked − 1.
  return { settings: { ...settings, ...hiresSize(settings), steps }, strength: (asked - 0.5) / steps };
}

function checkHires<Hires extends NonNullable<ParsedGenerateInput['hires']>>(
  hires: Hires,
  { steps, ...size }: RunSize,
  maxSize: number,
): Hires {
  const { width, height } = hiresSize({ ...size, hires });
  // The enlarging run is cut out of a longer one.
  if ((hires.steps ?? steps) / Math.max(hires.strength, 0.001) > 1000) {
    throw invalid(
      'hires.strength',
      'hires.strength leaves more than 1000 steps to be planned: raise it or use fewer steps',
    );
  }
  if (Math.max(width, height) <= maxSize) return hires;
  throw invalid('hires.scale', `hires.scale makes ${width} by ${height} pixels: the model draws at most ${maxSize}`);
}

function checkOutpaint(
  { left, top, right, bottom }: NonNullable<ParsedGenerateInput['outpaint']>,
  { width, height }: { width: number; height: number },
  inpaintArea: string,
): void {
  if (left + top + right + bottom === 0)
    throw invalid('outpaint', 'outpaint has no margin: say how many pixels to add');
  if (left + right >= width || top + bottom >= height) {
    throw invalid('outpaint', 'outpaint leaves no room for the initial picture: use smaller margins or a larger size');
  }
  if (inpaintArea === 'masked') {
    throw invalid('inpaintArea', 'inpaintArea masked does not go with outpaint: leave one of them out');
  }
}

function refuseAny(input: ParsedGenerateInput, fields: readonly (keyof StartSettings)[], reason: string): void {
  const field = fields.find((name) => input[name] !== undefined);
  if (field !== undefined) throw invalid(field, `${field} ${reason}`);
}

function invalid(field: string, message: string): FunctionError {
  return new FunctionError('invalid_input', message, { field });
}
