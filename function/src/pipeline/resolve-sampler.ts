import type { GenerateSettings, ModelInfo, ParsedGenerateInput } from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';
import { samplers } from './schedulers/index.ts';
import { defaultNoiseSettings, type NoiseSettings, type Sampler, type ScheduleName } from './schedulers/sampler.ts';
import { findSampler, findSchedule } from './schedulers/sampler-aliases.ts';

type SamplingSettings = Pick<GenerateSettings, 'sampler' | 'schedule' | 'eta' | keyof NoiseSettings>;
type SamplingInput = Pick<ParsedGenerateInput, keyof SamplingSettings>;

/**
 * Reads the sampler's and the schedule's name, whichever tool it comes from, and checks what is asked of them.
 * @throws FunctionError `invalid_input` naming the field.
 */
export function resolveSampler(
  input: SamplingInput,
  { defaults }: { defaults: Pick<ModelInfo['defaults'], 'sampler'> },
): SamplingSettings {
  const found = findSampler(input.sampler ?? defaults.sampler);
  if (found === undefined) {
    throw invalid('sampler', `sampler is not one this server has: use one of ${Object.keys(samplers).join(', ')}`);
  }
  const sampler = samplers[found.sampler];
  return {
    sampler: sampler.name,
    schedule: resolveSchedule(input.schedule, found.schedule, sampler),
    eta: resolveEta(input.eta, sampler),
    ...resolveNoiseSettings(input, sampler),
  };
}

function resolveSchedule(
  asked: string | undefined,
  carried: ScheduleName | undefined,
  { name, schedules, defaultSchedule }: Sampler,
): ScheduleName {
  const found = asked === undefined ? 'automatic' : findSchedule(asked);
  if (found === undefined) {
    throw invalid('schedule', `schedule is not one this server has: use one of ${schedules.join(', ')}`);
  }
  const schedule = found === 'automatic' ? (carried ?? defaultSchedule) : found;
  if (!schedules.includes(schedule)) {
    const allowed = schedules.join(' or ');
    throw invalid('schedule', `schedule ${schedule} does not go with sampler ${name}: use ${allowed}`);
  }
  return schedule;
}

function resolveEta(eta: number | undefined, { name, usesEta, defaultEta }: Sampler): number {
  if ((eta ?? 0) > 0 && !usesEta) {
    throw invalid('eta', `sampler ${name} has no eta: leave it out, or use ${namesOf((sampler) => sampler.usesEta)}`);
  }
  return eta ?? defaultEta;
}

/** Only what differs from the customary is kept: these settings matter to few. */
function resolveNoiseSettings(input: SamplingInput, sampler: Sampler): Partial<NoiseSettings> {
  const resolved: Partial<NoiseSettings> = {};
  for (const name of Object.keys(defaultNoiseSettings) as (keyof NoiseSettings)[]) {
    const value = input[name];
    if (value === undefined || value === defaultNoiseSettings[name]) continue;
    if (!sampler.noiseSettings.includes(name)) {
      const others = namesOf(({ noiseSettings }) => noiseSettings.includes(name));
      throw invalid(name, `sampler ${sampler.name} has no ${name}: leave it out, or use ${others}`);
    }
    resolved[name] = value;
  }
  return resolved;
}

/** The noise settings of a run, with the customary ones where nothing else was asked for. */
export function readNoiseSettings({ sChurn, sTmin, sTmax, sNoise }: GenerateSettings): NoiseSettings {
  const customary = defaultNoiseSettings;
  return {
    sChurn: sChurn ?? customary.sChurn,
    sTmin: sTmin ?? customary.sTmin,
    sTmax: sTmax ?? customary.sTmax,
    sNoise: sNoise ?? customary.sNoise,
  };
}

/** How many predictions of noise A1111 counts in a run, for prompts that change in the midst of it. */
export function predictionCount({ sampler, steps }: Pick<GenerateSettings, 'sampler' | 'steps'>): number {
  return samplers[sampler].isSecondOrder ? 2 * steps : steps;
}

/**
 * How many predictions a run of so many steps really makes: with a sampler of second order one in the last step, which has no
 * noise to look at where it ends; with PLMS two in the first.
 */
export function predictionsMade({ sampler, steps }: Pick<GenerateSettings, 'sampler' | 'steps'>): number {
  if (steps === 0) return 0;
  if (sampler === 'plms') return steps + 1;
  return samplers[sampler].isSecondOrder ? 2 * steps - 1 : steps;
}

function namesOf(has: (sampler: Sampler) => boolean): string {
  const names = Object.values(samplers)
    .filter(has)
    .map(({ name }) => name);
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function invalid(field: string, message: string): FunctionError {
  return new FunctionError('invalid_input', message, { field });
}
