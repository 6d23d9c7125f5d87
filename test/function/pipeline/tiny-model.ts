import { type GenerateInput, generateInputSchema, type ModelInfo } from '@safelight/sdk/contract';
import { resolveSettings } from '../../../function/src/pipeline/resolve-settings.ts';

/** A model of which nothing but limits and defaults is asked. */
export const tinyModel: ModelInfo = {
  name: 'tiny',
  version: '1',
  description: '',
  license: { name: '', url: '', useRestrictions: '' },
  limits: { minSize: 64, maxSize: 256 },
  defaults: { width: 128, height: 96, steps: 20, guidanceScale: 5, sampler: 'dpmpp_2m' },
};

/** The settings that a request comes to, all its open choices made. */
export const resolve = (input: GenerateInput, model = tinyModel, randomSeed = () => 42) =>
  resolveSettings(generateInputSchema.parse(input), model, randomSeed);
