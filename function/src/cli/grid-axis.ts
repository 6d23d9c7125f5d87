import { type Grid, gridSchema } from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';

type Entry = Grid['x'][number];

/** Every field that an axis can vary. */
const fields = Object.keys(gridSchema.shape.x.def.element.shape);
const texts = ['prompt', 'negativePrompt', 'sampler', 'schedule'];
/** Options that are called otherwise than their fields. */
const optionNames: Readonly<Record<string, string>> = { guidance: 'guidanceScale', negative: 'negativePrompt' };

/**
 * An axis as it was typed, `steps=5,10,20`, in the names of fields or options. Values of `prompt` replace the first of
 * them in the prompt, as AUTOMATIC1111's "Prompt S/R" does; bars instead of commas part texts that have commas themselves.
 * @throws FunctionError `invalid_input` naming the axis.
 */
export function parseAxis(axis: 'x' | 'y', typed: string | undefined, prompt: string): Entry[] | undefined {
  if (typed === undefined) return undefined;
  const [, name = '', list = ''] = /^\s*([\w-]+)\s*=(.*)$/s.exec(typed) ?? [];
  const field = optionNames[name] ?? name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  if (!fields.includes(field))
    throw invalid(
      axis,
      `${axis} must be a setting and its values, such as steps=10,20; settings: ${fields.join(', ')}`,
    );
  const values = list.split(list.includes('|') ? '|' : ',').map((value) => value.trim());
  if (field === 'prompt') return replaceInPrompt(axis, values, prompt);
  // What is no number becomes NaN, which the schema refuses in words. `Number('')` would be 0.
  return values.map((value) => ({
    [field]: texts.includes(field) ? value : value === '' ? Number.NaN : Number(value),
  }));
}

function replaceInPrompt(axis: string, values: readonly string[], prompt: string): Entry[] {
  const [sought = ''] = values;
  if (sought === '' || !prompt.includes(sought))
    throw invalid(axis, `${axis}: the first value must be a part of the prompt, which the others replace`);
  return values.map((value) => ({ prompt: prompt.replaceAll(sought, () => value) }));
}

function invalid(field: string, message: string): FunctionError {
  return new FunctionError('invalid_input', message, { field });
}
