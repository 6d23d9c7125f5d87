import { readParameters, readPictureText } from '@safelight/sdk/metadata';

/** How much of a picture its variations draw anew: its subject stays, its details do not. */
const VARIATION_STRENGTH = 0.6;

/**
 * What a variation of a picture is drawn with: the prompts that the picture itself carries, or no guidance at all, since
 * OpenAI's variations are not told what the picture shows.
 */
export const variationFields = async (picture: Uint8Array): Promise<Readonly<Record<string, unknown>>> => {
  const text = await readPictureText(new Blob([new Uint8Array(picture)]));
  const { prompt, negativePrompt } = (text === undefined ? undefined : readParameters(text)) ?? {};
  const guidance = prompt ? { prompt, negativePrompt } : { prompt: '', guidanceScale: 1 };
  return { strength: VARIATION_STRENGTH, ...guidance };
};
