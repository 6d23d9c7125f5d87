import type { GenerateSettings } from '@safelight/sdk/contract';
import type { Target } from './graphs/layers/layers.ts';
import { addUp, promptLoras, settingsLoras } from './pipeline/prompt/networks.ts';

/** What a batch is counted in: a picture of this size. */
const PIXELS = 512 * 512;
/** Channels of latents, and how many pixels one of their cells stands for. */
const VALUES_PER_PIXEL = 4 / 64;
/** Guidance predicts the noise of each picture twice. */
const ROWS = 2;

/**
 * How many generations of 512×512 are drawn together unless somebody says otherwise. On a processor a batch takes as long
 * as its pictures one by one. For a GPU it is a guess, on the small side.
 */
export const DEFAULT_BATCH: Readonly<Record<Target, number>> = { cpu: 1, cuda: 4 };

/** Values of latents that one run of the UNet takes: larger pictures are drawn in smaller batches. */
export const batchValues = (batch: number): number => batch * PIXELS * VALUES_PER_PIXEL * ROWS;

/**
 * Whether generations can share runs of the UNet: with the same model and LoRAs, of one size that stays the same on the
 * way, and small enough together. Prompts, seeds, samplers, steps and guidance may differ. One alone always can.
 *
 * @param batch How many of 512×512, or less; of larger ones fewer.
 */
export const canDrawTogether = (all: readonly GenerateSettings[], batch: number): boolean => {
  const [first] = all;
  if (first === undefined || all.length === 1) return true;
  if (all.length > batch || all.length * first.width * first.height > batch * PIXELS) return false;
  return all.every(({ grid, hires }) => grid === undefined && hires === undefined) && all.every(isLike(first));
};

const isLike = (first: GenerateSettings) => {
  const loras = lorasOf(first);
  return (other: GenerateSettings): boolean =>
    other.model === first.model &&
    other.width === first.width &&
    other.height === first.height &&
    lorasOf(other) === loras;
};

/** By name: files are looked for when they are drawn with. */
const lorasOf = (settings: GenerateSettings): string =>
  JSON.stringify(addUp([...promptLoras(settings), ...settingsLoras(settings)]));
