import type { Safelight } from '@safelight/sdk';
import { rememberPreview } from './previews.ts';
import { noStart, type Settings } from './settings.ts';

/** How much of a picture is drawn anew unless another strength is chosen; the server's own. */
const DEFAULT_STRENGTH = '0.75';

/** Sends a picture to the server. @returns the settings that start from it */
export async function startFrom(safelight: Safelight, picture: Blob): Promise<Partial<Settings>> {
  const { key } = await safelight.upload(picture);
  rememberPreview(key, picture);
  return { ...noStart, initImage: key, strength: DEFAULT_STRENGTH };
}
