import type { GenerateSettings, ModelInfo, ParsedGenerateInput, SafetyPolicy } from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';
import { resolveSampler } from './resolve-sampler.ts';
import { resolveStart } from './resolve-start.ts';
import { resolveSafety } from './safety/resolve-safety.ts';

/**
 * `resolveSettings` for a job without a grid, or for one picture of a grid.
 * @throws FunctionError `invalid_input` naming the field.
 */
export function resolvePicture(
  input: Omit<ParsedGenerateInput, 'grid'>,
  model: ModelInfo,
  randomSeed: () => number,
  leastSafety: SafetyPolicy = 'flag',
): GenerateSettings {
  const size = {
    width: checkSize('width', input.width ?? model.defaults.width, model),
    height: checkSize('height', input.height ?? model.defaults.height, model),
  };
  const steps = input.steps ?? model.defaults.steps;
  return {
    prompt: input.prompt,
    negativePrompt: input.negativePrompt,
    promptSyntax: input.promptSyntax,
    ...(input.clipSkip === undefined || input.clipSkip === 1 ? {} : { clipSkip: input.clipSkip }),
    model: model.name,
    ...(input.loras === undefined || input.loras.length === 0 ? {} : { loras: input.loras }),
    ...size,
    steps,
    guidanceScale: input.guidanceScale ?? model.defaults.guidanceScale,
    ...resolveInterval(input),
    ...(input.deepCache === undefined || input.deepCache === 1 ? {} : { deepCache: input.deepCache }),
    ...resolveSampler(input, model),
    seed: input.seed ?? randomSeed(),
    ...resolveVariation(input, randomSeed),
    ...resolveStart(input, { ...size, steps }, model),
    ...(input.decoder === 'preview' ? { decoder: input.decoder } : {}),
    ...resolveSafety(input, model, leastSafety),
    ...(input.watermark === undefined ? {} : { watermark: input.watermark }),
    rng: input.rng,
    count: input.count,
    format: input.format,
  };
}

/** Nothing where guidance goes on all the time. */
function resolveInterval({
  guidanceStart = 0,
  guidanceEnd = 1,
}: Pick<ParsedGenerateInput, 'guidanceStart' | 'guidanceEnd'>) {
  if (guidanceStart > guidanceEnd) {
    const message = 'guidanceStart must not be greater than guidanceEnd';
    throw new FunctionError('invalid_input', message, { field: 'guidanceStart' });
  }
  return { ...(guidanceStart === 0 ? {} : { guidanceStart }), ...(guidanceEnd === 1 ? {} : { guidanceEnd }) };
}

/** Nothing where there is no variation to make. */
function resolveVariation(
  { subseed, subseedStrength = 0 }: Pick<ParsedGenerateInput, 'subseed' | 'subseedStrength'>,
  randomSeed: () => number,
) {
  return subseedStrength === 0 ? {} : { subseed: subseed ?? randomSeed(), subseedStrength };
}

function checkSize(field: 'width' | 'height', pixels: number, { name, limits }: ModelInfo): number {
  if (pixels < limits.minSize || pixels > limits.maxSize) {
    const message = `${field} must be from ${limits.minSize} to ${limits.maxSize} for model ${name}`;
    throw new FunctionError('invalid_input', message, { field });
  }
  return pixels;
}
