import type { GenerateInput } from '../contract/index.ts';
import { readParameters } from './read-parameters.ts';
import { readPictureText } from './read-picture-text.ts';
import { toGenerateInput } from './to-generate-input.ts';

/**
 * What to ask `generate` for to get a picture again, in the same file format; {@link toGenerateInput} says what is in it.
 * Pictures that it started from have to be sent again: a file does not hold them.
 * @returns `undefined` where the picture carries no settings.
 */
export async function readGenerateInput(file: Blob): Promise<GenerateInput | undefined> {
  const read = readParameters((await readPictureText(file)) ?? '');
  if (read === undefined) return undefined;
  const start = new Uint8Array(await file.slice(0, 1).arrayBuffer())[0];
  const format = start === 0xff ? 'jpeg' : start === 0x52 ? 'webp' : 'png';
  return { ...toGenerateInput(read), format };
}
