import type { ImageFormat, ModelInfo } from '@safelight/sdk/contract';
import { FunctionError } from '../../../errors.ts';
import type { ApiServices } from '../../api-context.ts';
import type { Body } from '../read-body.ts';
import { readNumber, readText } from './read-fields.ts';

type Models = Pick<ApiServices['engine'], 'models' | 'defaultModel'>;

/** The settings of AUTOMATIC1111 that mean something here. */
export interface A1111Options {
  model: ModelInfo | undefined;
  clipSkip: number | undefined;
  format: ImageFormat | undefined;
  rng: 'cpu' | 'cuda' | undefined;
  guidanceStart: number | undefined;
}

const FORMATS: Readonly<Record<string, ImageFormat>> = { png: 'png', jpg: 'jpeg', jpeg: 'jpeg', webp: 'webp' };

/**
 * A model by what AUTOMATIC1111's clients call a checkpoint: its name, maybe with an extension, or its title with a hash.
 * @throws FunctionError `model_not_found`
 */
const findCheckpoint = ({ models }: Models, checkpoint: string): ModelInfo => {
  const wanted = checkpoint.trim().replace(/ \[[0-9a-f]+\]$/, '');
  const found = models().find(({ name }) => [wanted, wanted.replace(/\.(safetensors|ckpt)$/, '')].includes(name));
  if (found !== undefined) return found;
  const names = models().map(({ name }) => name);
  throw new FunctionError('model_not_found', `There is no model of that name here: use one of ${names.join(', ')}`, {
    field: 'model',
  });
};

/**
 * Reads what is known of some settings; the others are ignored, as AUTOMATIC1111 ignores those that it does not have.
 * @throws FunctionError `model_not_found` or `invalid_input`
 */
export const readOptions = (engine: Models, body: Body): Partial<A1111Options> => {
  const checkpoint = readText(body, 'sd_model_checkpoint');
  const clipSkip = readNumber(body, 'CLIP_stop_at_last_layers');
  const guidanceStart = readNumber(body, 'skip_early_cond');
  const format = FORMATS[readText(body, 'samples_format')?.toLowerCase() ?? ''];
  const source = readText(body, 'randn_source');
  return {
    ...(checkpoint ? { model: findCheckpoint(engine, checkpoint) } : {}),
    ...(clipSkip === undefined ? {} : { clipSkip }),
    ...(guidanceStart === undefined ? {} : { guidanceStart }),
    ...(format === undefined ? {} : { format }),
    // NV is the GPU's generator, drawn on any machine: so is ours.
    ...(source === undefined ? {} : { rng: source === 'CPU' ? ('cpu' as const) : ('cuda' as const) }),
  };
};

/** The model that settings name, or the server's default. */
export const modelOf = ({ model }: Partial<A1111Options>, { models, defaultModel }: Models): ModelInfo => {
  const found = model ?? models().find(({ name }) => name === defaultModel);
  if (found === undefined) throw new Error('The default model is not among the models');
  return found;
};

/** The settings as AUTOMATIC1111 lists them. */
export const toOptionsBody = (
  { model, clipSkip, format, rng, guidanceStart }: Partial<A1111Options>,
  { defaultModel }: Models,
) => ({
  sd_model_checkpoint: model?.name ?? defaultModel,
  sd_checkpoint_hash: null,
  sd_vae: 'Automatic',
  CLIP_stop_at_last_layers: clipSkip ?? 1,
  skip_early_cond: guidanceStart ?? 0,
  samples_format: format === 'jpeg' ? 'jpg' : (format ?? 'png'),
  randn_source: rng === 'cpu' ? 'CPU' : 'GPU',
});
