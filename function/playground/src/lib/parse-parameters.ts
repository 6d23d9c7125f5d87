import { readParameters, toGenerateInput } from '@safelight/sdk/metadata';
import { samplerLabels, scheduleLabels } from './labels.ts';
import { type Settings, wholeSteps } from './settings.ts';

const textFields = [
  ...(['steps', 'guidanceScale', 'guidanceStart', 'guidanceEnd', 'deepCache', 'seed'] as const),
  ...(['clipSkip', 'eta', 'width', 'height'] as const),
];
/** Of the settings without fields in the form those that ask for no picture to start from. */
const otherFields = [
  ...(['sChurn', 'sTmin', 'sTmax', 'sNoise', 'subseed', 'subseedStrength'] as const),
  ...(['hires', 'loras', 'decoder', 'watermark', 'safety'] as const),
];

/**
 * Reads AUTOMATIC1111's `parameters` text into the form's settings.
 * @returns `undefined` for a text that is something else.
 */
export function parseParameters(text: string): Partial<Settings> | undefined {
  const read = readParameters(text);
  if (read === undefined) return undefined;
  const input = toGenerateInput(read);
  const { prompt, negativePrompt = '', promptSyntax = 'a1111', rng = 'cuda' } = input;
  const given = <Name extends keyof typeof input>(names: readonly Name[]) =>
    names.filter((name) => input[name] !== undefined).map((name) => [name, input[name]] as const);
  return {
    prompt,
    negativePrompt,
    promptSyntax,
    rng,
    ...readSampler(read.values),
    ...wholeSteps,
    ...Object.fromEntries(given(textFields).map(([name, value]) => [name, String(value)])),
    others: Object.fromEntries(given(otherFields)),
  };
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
