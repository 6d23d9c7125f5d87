import type { SamplerName, ScheduleName } from '@safelight/sdk/contract';
import type { GridEntry } from '../../grid.ts';
import { scheduleLabels } from '../image/parameters.ts';
import { samplers } from '../schedulers/index.ts';
import { findSampler } from '../schedulers/sampler-aliases.ts';

type Field = keyof GridEntry;

/** AUTOMATIC1111's words, in the order in which they are shown. */
const names: Readonly<Record<Field, string>> = {
  prompt: '',
  negativePrompt: 'Without ',
  sampler: '',
  schedule: '',
  steps: 'Steps ',
  guidanceScale: 'CFG scale ',
  guidanceStart: 'Guidance from ',
  guidanceEnd: 'Guidance until ',
  deepCache: 'Deep cache ',
  seed: 'Seed ',
  strength: 'Denoising strength ',
  clipSkip: 'Clip skip ',
  eta: 'Eta ',
  subseed: 'Variation seed ',
  subseedStrength: 'Variation strength ',
  sChurn: 'Sigma churn ',
  sTmin: 'Sigma tmin ',
  sTmax: 'Sigma tmax ',
  sNoise: 'Sigma noise ',
};

/** What to write beside the rows or above the columns: what differs between them. */
export function axisLabels(axis: readonly GridEntry[]): string[] {
  const differing = (Object.keys(names) as Field[]).filter(
    (field) =>
      new Set(axis.map((entry) => entry[field])).size > 1 || (axis.length === 1 && axis[0]?.[field] !== undefined),
  );
  const texts = new Map(differing.map((field) => [field, textsOf(field, axis)]));
  return axis.map((entry, index) =>
    differing
      .filter((field) => !isCustomary(field, entry))
      .map((field) => `${names[field]}${texts.get(field)?.[index]}`)
      .join(', '),
  );
}

/** What goes with the entry's own sampler need not be said. */
function isCustomary(field: Field, { sampler: name, schedule, eta }: GridEntry): boolean {
  const found = name === undefined ? undefined : findSampler(name);
  if (found === undefined) return false;
  const sampler = samplers[found.sampler];
  return (
    (field === 'schedule' && schedule === sampler.defaultSchedule) || (field === 'eta' && eta === sampler.defaultEta)
  );
}

function textsOf(field: Field, axis: readonly GridEntry[]): string[] {
  if (field === 'prompt' || field === 'negativePrompt') return distinctParts(axis.map((entry) => entry[field] ?? ''));
  if (field === 'sampler') return axis.map(({ sampler }) => samplers[sampler as SamplerName]?.label ?? `${sampler}`);
  if (field === 'schedule')
    return axis.map(({ schedule }) => scheduleLabels[schedule as ScheduleName] ?? `${schedule}`);
  return axis.map((entry) => `${entry[field]}`);
}

/** Prompts without the words that all of them begin and end with; whole where one would have nothing left. */
function distinctParts(texts: readonly string[]): string[] {
  const words = texts.map((text) => text.split(/\s+/));
  const [first = []] = words;
  const shortest = Math.min(...words.map((text) => text.length));
  const commonUntil = (at: (text: readonly string[], i: number) => string | undefined) => {
    let length = 0;
    while (length < shortest && words.every((text) => at(text, length) === at(first, length))) length++;
    return length;
  };
  const start = commonUntil((text, i) => text[i]);
  const end = commonUntil((text, i) => text.at(-1 - i));
  if (texts.length === 1 || start + end >= shortest) return [...texts];
  return words.map((text) => text.slice(start, text.length - end).join(' '));
}
