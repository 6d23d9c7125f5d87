import type { GenerateSettings } from '@safelight/sdk/contract';

/** Settings of a small, quick picture; `changes` replaces what a test is about. */
export function quickSettings(changes: Partial<GenerateSettings> = {}): GenerateSettings {
  return {
    prompt: 'a red apple',
    negativePrompt: '',
    model: 'mini',
    width: 64,
    height: 64,
    steps: 4,
    guidanceScale: 5,
    sampler: 'ddim',
    schedule: 'ddim_uniform',
    eta: 0,
    seed: 7,
    rng: 'cuda',
    count: 1,
    format: 'png',
    ...changes,
  };
}
