import {
  type GenerateSettings,
  MAX_SEED,
  type ModelInfo,
  type ParsedGenerateInput,
  type SafetyPolicy,
} from '@safelight/sdk/contract';
import { resolveGrid } from './grid/resolve-grid.ts';
import { resolvePicture } from './resolve-picture.ts';

/**
 * Fills the choices that the caller left open with the model's and the sampler's own, and checks those that only the
 * model can judge.
 * @param randomSeed Used when the input has no seed: an unsigned 32-bit integer.
 * @param leastSafety The least strict policy that the server allows.
 * @throws FunctionError `invalid_input` naming the field.
 */
export function resolveSettings(
  { grid, ...input }: ParsedGenerateInput,
  model: ModelInfo,
  randomSeed: () => number,
  leastSafety: SafetyPolicy = 'flag',
): GenerateSettings {
  const resolve = (picture: Omit<ParsedGenerateInput, 'grid'>) =>
    resolvePicture(picture, model, randomSeed, leastSafety);
  return grid === undefined ? resolve(input) : resolveGrid(input, grid, resolve, randomSeed);
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
