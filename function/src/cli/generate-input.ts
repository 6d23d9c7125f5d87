import { extname } from 'node:path';
import { type GenerateInput, generateInputSchema, type ImageFormat } from '@safelight/sdk/contract';
import type * as z from 'zod/mini';
import { FunctionError } from '../errors.ts';
import { parseLora } from '../pipeline/prompt/networks.ts';
import { parseAxis } from './grid-axis.ts';
import type { PictureFiles } from './sent-pictures.ts';

/** The options of `safelight generate` as they were typed. */
export interface GenerateFlags {
  fromImage?: string;
  output?: string;
  negative?: string;
  promptSyntax?: string;
  clipSkip?: string;
  model?: string;
  lora?: string[];
  embeddings?: string;
  size?: string;
  steps?: string;
  guidance?: string;
  guidanceStart?: string;
  guidanceEnd?: string;
  deepCache?: string;
  sampler?: string;
  schedule?: string;
  eta?: string;
  sChurn?: string;
  sTmin?: string;
  sTmax?: string;
  sNoise?: string;
  seed?: string;
  subseed?: string;
  subseedStrength?: string;
  initImage?: string;
  mask?: string;
  strength?: string;
  resizeMode?: string;
  invertMask?: boolean;
  maskBlur?: string;
  maskFill?: string;
  inpaintArea?: string;
  maskPadding?: string;
  outpaint?: string;
  hires?: string;
  hiresSteps?: string;
  hiresStrength?: string;
  hiresUpscaler?: string;
  decoder?: string;
  safety?: string;
  watermark?: boolean;
  rng?: string;
  count?: string;
  x?: string;
  y?: string;
  format?: string;
  loras?: string;
  device?: string;
  threads?: string;
  endpoint?: string;
  json?: boolean;
  preview?: boolean;
}

const formatsByExtension: Record<string, ImageFormat> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
};

/**
 * Turns what was typed into the contract's input.
 * @param prompt Empty, that of `base`.
 * @param pictures Read from the files that the flags name.
 * @param base What holds where nothing was typed.
 * @throws FunctionError `invalid_input` naming the field.
 */
export function parseGenerateFlags(
  prompt: string,
  flags: GenerateFlags,
  pictures: PictureFiles = {},
  base: Partial<GenerateInput> = {},
): GenerateInput {
  const typed = {
    prompt: prompt === '' ? (base.prompt ?? '') : prompt,
    negativePrompt: flags.negative,
    promptSyntax: flags.promptSyntax,
    clipSkip: parseNumber(flags.clipSkip),
    model: flags.model,
    loras: flags.lora?.map(parseLoraFlag),
    ...parseSize(flags.size),
    steps: parseNumber(flags.steps),
    guidanceScale: parseNumber(flags.guidance),
    guidanceStart: parseNumber(flags.guidanceStart),
    guidanceEnd: parseNumber(flags.guidanceEnd),
    deepCache: parseNumber(flags.deepCache),
    sampler: flags.sampler,
    schedule: flags.schedule,
    eta: parseNumber(flags.eta),
    sChurn: parseNumber(flags.sChurn),
    sTmin: parseNumber(flags.sTmin),
    sTmax: parseNumber(flags.sTmax),
    sNoise: parseNumber(flags.sNoise),
    seed: parseNumber(flags.seed),
    subseed: parseNumber(flags.subseed),
    subseedStrength: parseNumber(flags.subseedStrength),
    initImage: pictures.initImage?.key,
    mask: pictures.mask?.key,
    strength: parseNumber(flags.strength),
    resizeMode: flags.resizeMode,
    invertMask: flags.invertMask,
    maskBlur: parseNumber(flags.maskBlur),
    maskFill: flags.maskFill,
    inpaintArea: flags.inpaintArea,
    maskPadding: parseNumber(flags.maskPadding),
    outpaint: parseMargins(flags.outpaint),
    hires: parseHires(flags, base.hires),
    decoder: flags.decoder,
    safety: flags.safety,
    watermark: flags.watermark,
    rng: flags.rng,
    count: parseNumber(flags.count),
    grid: parseGrid(flags, prompt === '' ? (base.prompt ?? '') : prompt),
    format: flags.format ?? formatOf(flags.output),
  };
  const given = Object.entries(typed).filter(([, value]) => value !== undefined);
  return parseInput(generateInputSchema, { ...base, ...Object.fromEntries(given) });
}

/**
 * Checks what was typed against a schema of the contract; what was not typed is left out.
 * @throws FunctionError `invalid_input` naming the field.
 */
export function parseInput<Output>(schema: z.ZodMiniType<Output>, typed: Record<string, unknown>): Output {
  const given = Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== undefined));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw new FunctionError('invalid_input', issue?.message ?? 'The input is not valid', { field });
}

/** Not a number becomes NaN, which the schema refuses in words. `Number('')` would be 0. */
export function parseNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return text.trim() === '' ? Number.NaN : Number(text);
}

/** As between `<lora:` and `>`: `name`, `name:weight`, or `name:textEncoder:unet`. */
function parseLoraFlag(text: string): object {
  const lora = parseLora(text);
  if (lora === undefined) {
    const message = 'lora must be a name and a weight from -10 to 10, such as style:0.8';
    throw new FunctionError('invalid_input', message, { field: 'loras' });
  }
  const { name, unetWeight, textEncoderWeight } = lora;
  return { name, weight: unetWeight, ...(textEncoderWeight === unetWeight ? {} : { textEncoderWeight }) };
}

/** `128` is a square, `128x96` is width by height. */
function parseSize(text: string | undefined): { width?: number; height?: number } {
  if (text === undefined) return {};
  const match = /^(-?\d+)(?:[x×](-?\d+))?$/i.exec(text.trim());
  if (match === null) {
    throw new FunctionError(
      'invalid_input',
      'size must be a number of pixels, such as 128, or width by height, such as 128x96',
      {
        field: 'size',
      },
    );
  }
  const width = Number(match[1]);
  return { width, height: match[2] === undefined ? width : Number(match[2]) };
}

/** `64` is a margin on all sides, `64,0,64,0` is left, top, right and bottom. */
function parseMargins(text: string | undefined): object | undefined {
  if (text === undefined) return undefined;
  const [left, top = left, right = left, bottom = top] = text.split(',').map((side) => parseNumber(side));
  return { left, top, right, bottom };
}

function parseGrid(flags: GenerateFlags, prompt: string): object | undefined {
  const [x, y] = [parseAxis('x', flags.x, prompt), parseAxis('y', flags.y, prompt)];
  if (x === undefined && y !== undefined)
    throw new FunctionError('invalid_input', 'y is for a second axis: say the first with --x', { field: 'y' });
  return x === undefined ? undefined : { x, ...(y === undefined ? {} : { y }) };
}

function parseHires(
  { hires, hiresSteps, hiresStrength, hiresUpscaler }: GenerateFlags,
  base: GenerateInput['hires'],
): object | undefined {
  const typed = {
    scale: parseNumber(hires),
    steps: parseNumber(hiresSteps),
    strength: parseNumber(hiresStrength),
    upscaler: hiresUpscaler,
  };
  const given = Object.entries(typed).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : { ...base, ...Object.fromEntries(given) };
}

function formatOf(output: string | undefined): ImageFormat | undefined {
  if (output === undefined) return undefined;
  const format = formatsByExtension[extname(output).toLowerCase()];
  if (format === undefined) {
    throw new FunctionError(
      'invalid_input',
      'The output file must end in .png, .jpg, .jpeg or .webp; or say --format',
      {
        field: 'output',
      },
    );
  }
  return format;
}
