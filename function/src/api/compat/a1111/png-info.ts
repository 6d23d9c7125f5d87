import { readParameters, readPictureText } from '@safelight/sdk/metadata';
import { decodeBase64 } from '../pictures.ts';
import type { Body } from '../read-body.ts';

/** What a picture says of how it was made; nothing, for one that does not say. */
export const readPngInfo = async ({ image }: Body) => {
  const data = decodeBase64(image, 'image');
  const info = (await readPictureText(new Blob([new Uint8Array(data)]))) ?? '';
  const read = readParameters(info);
  if (read === undefined) return { info, items: info === '' ? {} : { parameters: info }, parameters: {} };
  const { prompt, negativePrompt, values } = read;
  const parameters = { Prompt: prompt, 'Negative prompt': negativePrompt, ...Object.fromEntries(values) };
  return { info, items: { parameters: info }, parameters };
};
