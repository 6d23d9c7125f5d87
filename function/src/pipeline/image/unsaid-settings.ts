import { isDeepStrictEqual } from 'node:util';
import type { GenerateInput, GenerateSettings } from '@safelight/sdk/contract';
import { readParameters, toGenerateInput } from '@safelight/sdk/metadata';
import { samplers } from '../schedulers/index.ts';
import { findSampler, findSchedule } from '../schedulers/sampler-aliases.ts';

/** What a text that says nothing of a field means. */
const silence: Partial<GenerateInput> = {
  negativePrompt: '',
  promptSyntax: 'a1111',
  resizeMode: 'stretch',
  invertMask: false,
  inpaintArea: 'whole',
  safety: 'flag',
  rng: 'cuda',
};

/**
 * Those settings of a picture that the `parameters` text does not give back when it is read: what AUTOMATIC1111 has no name
 * for, and prompts that its format cannot hold. Not the pictures it started from, nor what is known from the file itself.
 * @param prompt What the text has for the prompt, where that differs: with the LoRAs that the settings name.
 */
export function unsaidSettings(
  settings: GenerateSettings,
  text: string,
  prompt: string | undefined,
): Partial<GenerateInput> {
  const parameters = readParameters(text);
  const read = parameters && toGenerateInput(parameters);
  const said: Partial<GenerateInput> = {
    ...read,
    sampler: findSampler(read?.sampler ?? '')?.sampler,
    schedule: findSchedule(read?.schedule ?? ''),
  };
  const unsaid = Object.entries(toSay(settings, prompt)).filter(([name, value]) => {
    const field = name as keyof GenerateInput;
    return !isDeepStrictEqual(value ?? silence[field], said[field] ?? silence[field]);
  });
  // In an order of their own: that of the settings depends on where they were stored.
  return Object.fromEntries(unsaid.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Every setting that changes a picture. */
function toSay(settings: GenerateSettings, prompt: string | undefined) {
  const { initImage, mask, count, format, eta, hires, ...others } = settings;
  return {
    ...others,
    // Settings without a syntax are those of older jobs.
    promptSyntax: settings.promptSyntax ?? 'plain',
    ...(prompt === undefined ? {} : { prompt, loras: undefined }),
    eta: eta === samplers[settings.sampler].defaultEta ? undefined : eta,
    hires: hires && { ...hires, steps: hires.steps ?? settings.steps },
  };
}
