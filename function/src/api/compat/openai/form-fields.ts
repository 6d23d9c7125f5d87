import { invalidField } from '../compat-input.ts';
import type { Body } from '../read-body.ts';

/** Fields that stay texts even where they look like numbers. */
const TEXT_FIELDS = new Set(['prompt', 'negative_prompt', 'negativePrompt', 'model', 'user', 'size']);

const parseValue = (name: string, text: string): unknown => {
  if (TEXT_FIELDS.has(name)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** The texts of a form, as they would stand in a JSON body. */
export const textFieldsOf = (form: FormData): Body => {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) if (typeof value === 'string') fields[name] = parseValue(name, value);
  return fields;
};

/** @throws FunctionError `invalid_input` where it is missing, or there are several. */
export const readImage = async (form: FormData): Promise<Uint8Array> => {
  const image = await readFile(form, 'image');
  if (image === undefined) throw invalidField('image', 'image is missing: send a PNG, JPEG or WebP file');
  return image;
};

/**
 * The bytes of a file in a form; programs that can send several call it `image[]`.
 * @throws FunctionError `invalid_input` for more than one.
 */
export const readFile = async (form: FormData, name: 'image' | 'mask'): Promise<Uint8Array | undefined> => {
  const files = [...form.getAll(name), ...form.getAll(`${name}[]`)].filter((value) => typeof value !== 'string');
  if (files.length > 1) throw invalidField(name, `${name} must be one picture: this server takes no more at a time`);
  return files[0] && new Uint8Array(await files[0].arrayBuffer());
};
