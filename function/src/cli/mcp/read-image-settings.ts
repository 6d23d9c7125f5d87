import type { CallToolResult } from '@modelcontextprotocol/server';
import { readParameters, readPictureText } from '@safelight/sdk/metadata';
import * as z from 'zod/mini';
import { FunctionError } from '../../errors.ts';
import { parseInput } from '../generate-input.ts';
import type { OutputFolder } from './output-folder.ts';
import type { DescribedInput } from './tool-input.ts';

const schema = z.strictObject({
  image: z.optional(z.base64('image must be a PNG, JPEG or WebP in base64')),
  file: z.optional(z.string('file must be a name')),
});

/** Input of `read_image_settings`: the picture itself, or its name in the output folder. */
export const readImageSettingsInput: DescribedInput<typeof schema> = {
  schema,
  descriptions: {
    image: 'The picture itself, in base64.',
    file: 'Instead: the name of a picture that generate_image saved.',
  },
};

/** @throws FunctionError `invalid_input` naming the field. */
export async function readImageSettings(
  typed: Record<string, unknown>,
  output: OutputFolder | undefined,
): Promise<CallToolResult> {
  const { image, file } = parseInput(schema, typed);
  const data = await readPicture(image, file, output);
  const text = await readPictureText(new Blob([new Uint8Array(data)]));
  if (text === undefined) return { content: [{ type: 'text', text: 'The picture does not say how it was made.' }] };
  const read = readParameters(text);
  const settings = read && { ...read, values: Object.fromEntries(read.values) };
  return { content: [{ type: 'text', text: settings === undefined ? text : JSON.stringify(settings) }] };
}

async function readPicture(
  image: string | undefined,
  file: string | undefined,
  output: OutputFolder | undefined,
): Promise<Uint8Array> {
  if (image !== undefined && file === undefined) return Buffer.from(image, 'base64');
  if (file === undefined || image !== undefined)
    throw new FunctionError('invalid_input', 'Give either image or file', { field: 'image' });
  if (output !== undefined) return await output.read(file);
  const message = 'file needs a folder: start safelight mcp with --output, or give the image itself';
  throw new FunctionError('invalid_input', message, { field: 'file' });
}
