import { type GenerateSettings, MAX_SEED, type ModelInfo, type ParsedGenerateInput } from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';
import { samplers } from './schedulers/index.ts';

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
  const sampler = samplers[input.sampler ?? model.defaults.sampler];
  const schedule = input.schedule ?? sampler.defaultSchedule;
  if (!sampler.schedules.includes(schedule)) {
    const allowed = sampler.schedules.join(' or ');
    throw invalid('schedule', `schedule ${schedule} does not go with sampler ${sampler.name}: use ${allowed}`);
  }
  if ((input.eta ?? 0) > 0 && !sampler.usesEta) {
    throw invalid('eta', `sampler ${sampler.name} has no eta: leave it out, or use sampler ddim or euler_a`);
  }
  return {
    prompt: input.prompt,
    negativePrompt: input.negativePrompt,
    model: model.name,
    width: checkSize('width', input.width ?? model.defaults.width, model),
    height: checkSize('height', input.height ?? model.defaults.height, model),
    steps: input.steps ?? model.defaults.steps,
    guidanceScale: input.guidanceScale ?? model.defaults.guidanceScale,
    sampler: sampler.name,
    schedule,
    eta: input.eta ?? sampler.defaultEta,
    seed: input.seed ?? randomSeed(),
    rng: input.rng,
    count: input.count,
    format: input.format,
  };
}

/** The seed of image `index` of a job: seed + index, starting again from 0 after the largest. */
export function imageSeed(seed: number, index: number): number {
  return (seed + index) % (MAX_SEED + 1);
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
