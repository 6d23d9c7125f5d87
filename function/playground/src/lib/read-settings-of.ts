import { parseParameters } from './metadata/parse-parameters.ts';
import { readPictureText } from './metadata/read-picture-text.ts';
import type { Settings } from './settings.ts';

/** The settings that a picture carries; `undefined` where it carries none. */
export async function readSettingsOf(file: Blob): Promise<Partial<Settings> | undefined> {
  const text = await readPictureText(file);
  return text === undefined ? undefined : parseParameters(text);
}
