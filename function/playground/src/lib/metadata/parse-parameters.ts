import { samplerLabels, scheduleLabels } from '../labels.ts';
import type { Settings } from '../settings.ts';

/** `Name: value` pairs with commas between them; values with separators in them are written as JSON. */
const PAIR = /\s*([\w ().+-]+?):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)/g;
const NEGATIVE = 'Negative prompt:';

/** The pairs that become settings as they are. */
const plainFields: Readonly<Record<string, keyof Settings>> = {
  Steps: 'steps',
  'CFG scale': 'guidanceScale',
  Seed: 'seed',
  'Clip skip': 'clipSkip',
  Eta: 'eta',
  'Eta DDIM': 'eta',
};

/**
 * Reads AUTOMATIC1111's `parameters` text: the prompt, the negative prompt, then a line of pairs.
 * @returns `undefined` for a text that is something else.
 */
export function parseParameters(text: string): Partial<Settings> | undefined {
  const lines = text.replaceAll('\0', '').trim().split(/\r?\n/);
  const pairs = readPairs(lines.at(-1) ?? '');
  if (!pairs.has('Steps')) return undefined;
  const settings: Partial<Settings> = { ...readPrompts(lines.slice(0, -1)), ...readSampler(pairs) };
  for (const [name, field] of Object.entries(plainFields)) {
    const value = pairs.get(name);
    if (value !== undefined && /^\d+(\.\d+)?$/.test(value)) Object.assign(settings, { [field]: value });
  }
  const [, width, height] = /^(\d+)x(\d+)$/.exec(pairs.get('Size') ?? '') ?? [];
  if (width !== undefined && height !== undefined) Object.assign(settings, { width, height });
  settings.rng = pairs.get('RNG') === 'CPU' ? 'cpu' : 'cuda';
  return settings;
}

function readPrompts(lines: readonly string[]): Pick<Settings, 'prompt' | 'negativePrompt'> {
  const negativeAt = lines.findIndex((line) => line.startsWith(NEGATIVE));
  if (negativeAt < 0) return { prompt: lines.join('\n'), negativePrompt: '' };
  const negativePrompt = lines.slice(negativeAt).join('\n').slice(NEGATIVE.length).trim();
  return { prompt: lines.slice(0, negativeAt).join('\n').trim(), negativePrompt };
}

function readPairs(line: string): ReadonlyMap<string, string> {
  return new Map(Array.from(line.matchAll(PAIR), ([, name = '', value = '']) => [name, unquote(value.trim())]));
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}

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
