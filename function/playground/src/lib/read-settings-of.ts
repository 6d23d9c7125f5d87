import { readPictureText } from '@safelight/sdk/metadata';
import { parseParameters } from './parse-parameters.ts';
import type { Settings } from './settings.ts';

/** The settings that a picture carries; `undefined` where it carries none. */
export async function readSettingsOf(file: Blob): Promise<Partial<Settings> | undefined> {
  const text = await readPictureText(file);
  return text === undefined ? undefined : parseParameters(text);
}
