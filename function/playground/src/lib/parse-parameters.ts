import { readParameters } from '@safelight/sdk/metadata';
import { samplerLabels, scheduleLabels } from './labels.ts';
import type { OtherSettings, Settings } from './settings.ts';

/** The pairs that become settings as they are. */
const plainFields: Readonly<Record<string, keyof Settings>> = {
  Steps: 'steps',
  'CFG scale': 'guidanceScale',
  Seed: 'seed',
  'Clip skip': 'clipSkip',
  Eta: 'eta',
  'Eta DDIM': 'eta',
};

/** Those of settings that the form has no field for. */
const otherFields = { 'Skip Early CFG': 'guidanceStart', 'Guidance end': 'guidanceEnd' } as const;

/**
 * Reads AUTOMATIC1111's `parameters` text into the form's settings.
 * @returns `undefined` for a text that is something else.
 */
export function parseParameters(text: string): Partial<Settings> | undefined {
  const read = readParameters(text);
  if (read === undefined) return undefined;
  const { prompt, negativePrompt, values: pairs } = read;
  const settings: Partial<Settings> = { prompt, negativePrompt, ...readSampler(pairs) };
  for (const [name, field] of Object.entries(plainFields)) {
    const value = pairs.get(name);
    if (value !== undefined && isNumber(value)) Object.assign(settings, { [field]: value });
  }
  const others = readOthers(pairs);
  if (Object.keys(others).length > 0) settings.others = others;
  const [, width, height] = /^(\d+)x(\d+)$/.exec(pairs.get('Size') ?? '') ?? [];
  if (width !== undefined && height !== undefined) Object.assign(settings, { width, height });
  settings.rng = pairs.get('RNG') === 'CPU' ? 'cpu' : 'cuda';
  return settings;
}

function readOthers(pairs: ReadonlyMap<string, string>): OtherSettings {
  const found = Object.entries(otherFields).flatMap(([name, field]) => {
    const value = pairs.get(name);
    return value !== undefined && isNumber(value) ? [[field, Number(value)] as const] : [];
  });
  return Object.fromEntries(found);
}

const isNumber = (text: string): boolean => /^\d+(\.\d+)?$/.test(text);

/** Older files carry the schedule in the sampler's name: `DPM++ 2M Karras`. */
function readSampler(pairs: ReadonlyMap<string, string>): Partial<Settings> {
  const label = pairs.get('Sampler');
  if (label === undefined) return {};
  const schedule = pairs.get('Schedule type') ?? /\b(Karras|Exponential)$/.exec(label)?.[1] ?? '';
  const sampler =
    findName(samplerLabels, label) ?? findName(samplerLabels, label.replace(/ (Karras|Exponential)$/, ''));
  // The server knows more names than this page: what is not found is left to it.
  return { sampler: sampler ?? label, schedule: findName(scheduleLabels, schedule) ?? '' };
}

function findName(labels: Readonly<Record<string, string>>, label: string): string | undefined {
  const wanted = label.toLowerCase();
  return Object.keys(labels).find((name) => labels[name]?.toLowerCase() === wanted);
}
