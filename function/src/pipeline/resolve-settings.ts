import { type GenerateSettings, MAX_SEED, type ModelInfo, type ParsedGenerateInput } from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';
import { resolveSampler } from './resolve-sampler.ts';
import { resolveStart } from './resolve-start.ts';

/**
 * Fills the choices that the caller left open with the model's and the sampler's own, and checks those that only the
 * model can judge.
 * @param randomSeed Used when the input has no seed: an unsigned 32-bit integer.
 * @throws FunctionError `invalid_input` naming the field.
 */
export function resolveSettings(
  input: ParsedGenerateInput,
  model: ModelInfo,
  randomSeed: () => number,
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
    ...size,
    steps,
    guidanceScale: input.guidanceScale ?? model.defaults.guidanceScale,
    ...resolveSampler(input, model),
    seed: input.seed ?? randomSeed(),
    ...resolveVariation(input, randomSeed),
    ...resolveStart(input, { ...size, steps }, model),
    rng: input.rng,
    count: input.count,
    format: input.format,
  };
}

/** Nothing where there is no variation to make. */
function resolveVariation({ subseed, subseedStrength = 0 }: ParsedGenerateInput, randomSeed: () => number) {
  return subseedStrength === 0 ? {} : { subseed: subseed ?? randomSeed(), subseedStrength };
}

/**
 * The seeds of image `index` of a job: seed + index, starting again from 0 after the largest. A job of variations
 * counts its subseeds instead, as A1111 does: all are variations of the same picture.
 */
export function imageSeeds(
  { seed, subseed, subseedStrength }: Pick<GenerateSettings, 'seed' | 'subseed' | 'subseedStrength'>,
  index: number,
): { seed: number; subseed?: number } {
  const count = (start: number) => (start + index) % (MAX_SEED + 1);
  return subseed === undefined || !subseedStrength ? { seed: count(seed) } : { seed, subseed: count(subseed) };
}

function checkSize(field: 'width' | 'height', pixels: number, { name, limits }: ModelInfo): number {
  if (pixels < limits.minSize || pixels > limits.maxSize) {
    throw invalid(field, `${field} must be from ${limits.minSize} to ${limits.maxSize} for model ${name}`);
  }
  return pixels;
}

function invalid(field: string, message: string): FunctionError {
  return new FunctionError('invalid_input', message, { field });
}
