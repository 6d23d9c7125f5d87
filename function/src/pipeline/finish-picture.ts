import type { GenerateSettings, Safety } from '@safelight/sdk/contract';
import type { EncodedImage } from '../engine.ts';
import { FunctionError } from '../errors.ts';
import type { DiffusionModel } from './diffusion-model.ts';
import { encodeImage } from './image/encode-image.ts';
import { formatParameters } from './image/parameters.ts';
import { addWatermark, canCarryWatermark } from './image/watermark.ts';
import type { Embedding } from './prompt/embeddings.ts';
import { imageSeeds } from './resolve-settings.ts';
import { applyPolicy } from './safety/apply-policy.ts';
import type { Pixels } from './start/pixels.ts';

/** A picture of a job: its settings, and what is added to their seed. */
export interface Plan {
  settings: GenerateSettings;
  offset: number;
}

interface Finished {
  pixels: Pixels;
  safety?: Safety;
  index: number;
  /** Embeddings that its prompts name. */
  used: readonly Embedding[];
}

/** Makes a file that says how it was made, and that a machine made it. */
export async function finishPicture(
  model: DiffusionModel,
  { settings, offset }: Plan,
  { pixels, safety, index, used }: Finished,
): Promise<EncodedImage> {
  const { width, height } = pixels;
  const seeds = imageSeeds(settings, offset);
  const parameters = formatParameters({ ...settings, ...seeds }, model, used);
  const isDrawnFromText = settings.initImage === undefined;
  const isMarked = (settings.watermark ?? isDrawnFromText) && canCarryWatermark(pixels);
  const data = await encodeImage(isMarked ? addWatermark(pixels) : pixels, settings.format, {
    parameters,
    source: isDrawnFromText ? 'trainedAlgorithmicMedia' : 'compositeWithTrainedAlgorithmicMedia',
  });
  return { index, width, height, seed: seeds.seed, ...(safety === undefined ? {} : { safety }), data };
}

/**
 * What may be shown of a picture, and what the model's safety checker says of it.
 * @throws FunctionError `invalid_input` when the settings want a check that the model cannot make.
 */
export async function checkSafety(
  { checkSafety: check }: DiffusionModel,
  { safety: policy = 'flag' }: GenerateSettings,
  pixels: Pixels,
): Promise<{ pixels: Pixels; safety?: Safety }> {
  if (check !== undefined) return applyPolicy(pixels, await check(pixels), policy);
  if (policy === 'flag') return { pixels };
  // The settings were resolved for another edition of the model.
  throw new FunctionError('invalid_input', 'The model has no safety checker any more', { field: 'safety' });
}
