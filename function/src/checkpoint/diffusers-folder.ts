import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { FunctionError } from '../errors.ts';
import type { CheckpointPart } from './layout/component.ts';
import { openFile } from './open-file.ts';
import { openSharded, readJsonFile } from './sharded.ts';
import type { CheckpointFile } from './tensor-source.ts';

/** What a diffusers folder says about the model beside its weights; every field as its files call it. */
export interface DiffusersSettings {
  /** diffusers has called the number of heads so since its first version. */
  readonly unetHeads?: number | undefined;
  readonly textHeads?: number | undefined;
  /** Latents at the UNet, one side. */
  readonly sampleSize?: number | undefined;
  readonly scalingFactor?: number | undefined;
  readonly betaStart?: number | undefined;
  readonly betaEnd?: number | undefined;
}

export const MODEL_INDEX = 'model_index.json';
const components = ['text_encoder', 'unet', 'vae'] as const;
const stems = ['diffusion_pytorch_model', 'model', 'pytorch_model'];
/** Best first: whole precision before half, safetensors before pickles, one file before shards. */
const endings = [
  '.safetensors',
  '.safetensors.index.json',
  '.bin',
  '.bin.index.json',
  '.fp16.safetensors',
  '.safetensors.index.fp16.json',
  '.fp16.bin',
];

const number = z.optional(z.number());
const unetSchema = z.object({ attention_head_dim: z.optional(z.unknown()), sample_size: z.optional(z.unknown()) });
const textSchema = z.object({ num_attention_heads: number });
const vaeSchema = z.object({ scaling_factor: number });
const schedulerSchema = z.object({
  beta_start: number,
  beta_end: number,
  beta_schedule: z.optional(z.string()),
  prediction_type: z.optional(z.string()),
});

export interface DiffusersFolderOptions {
  /** False to take the UNet that was not averaged, where the folder has both. */
  ema?: boolean | undefined;
  /** False to leave out the safety checker. @defaultValue true */
  isChecked?: boolean;
}

/**
 * Opens the networks of a diffusers folder, the safety checker's where it has one.
 * @throws FunctionError `invalid_input` when a network is not there, or the model is of another kind.
 */
export async function openDiffusersFolder(
  folder: string,
  { ema, isChecked = true }: DiffusersFolderOptions = {},
): Promise<CheckpointPart[]> {
  const names = await readdir(folder);
  if (names.includes('text_encoder_2')) throw foreign('a Stable Diffusion XL model');
  if (names.includes('transformer')) throw foreign('a diffusion transformer');
  const parts: CheckpointPart[] = [];
  try {
    for (const component of components) {
      if (!names.includes(component)) {
        throw new FunctionError('invalid_input', `The folder has no ${component}: it is not a whole diffusers model.`);
      }
      parts.push({ holds: component, file: await openWeightsIn(folder, component, ema === false) });
    }
    if (isChecked && names.includes('safety_checker')) {
      parts.push({ holds: 'safety_checker', file: await openWeightsIn(folder, 'safety_checker') });
    }
    return parts;
  } catch (error) {
    await Promise.all(parts.map(({ file }) => file.close()));
    throw error;
  }
}

/** Opens whatever weights lie in one network's folder. `component` may be empty for the folder itself. */
export async function openWeightsIn(folder: string, component = '', preferNonEma = false): Promise<CheckpointFile> {
  const names = new Set(await readdir(join(folder, component)));
  const wanted = preferNonEma ? [...endings.map((ending) => `.non_ema${ending}`), ...endings] : endings;
  for (const ending of wanted) {
    for (const stem of stems) {
      if (!names.has(stem + ending)) continue;
      const path = join(folder, component, stem + ending);
      const name = join(component, stem + ending);
      return ending.endsWith('.json') ? openSharded(path, name) : openFile(path, name);
    }
  }
  throw new FunctionError(
    'invalid_input',
    `The folder ${component || 'given'} has no weights that diffusers would read.`,
  );
}

/** @throws FunctionError `invalid_input` for a model that predicts something other than the noise. */
export async function readDiffusersSettings(folder: string): Promise<DiffusersSettings> {
  const unet = await readSettings(folder, 'unet/config.json', unetSchema);
  const text = await readSettings(folder, 'text_encoder/config.json', textSchema);
  const vae = await readSettings(folder, 'vae/config.json', vaeSchema);
  const scheduler = await readSettings(folder, 'scheduler/scheduler_config.json', schedulerSchema);
  const prediction = scheduler?.prediction_type ?? 'epsilon';
  if (prediction !== 'epsilon') throw foreign(`a model that predicts "${prediction}", not the noise`);
  return {
    unetHeads: numberOrNothing(unet?.attention_head_dim),
    sampleSize: numberOrNothing(unet?.sample_size),
    textHeads: text?.num_attention_heads,
    scalingFactor: vae?.scaling_factor,
    betaStart: scheduler?.beta_start,
    betaEnd: scheduler?.beta_end,
  };
}

async function readSettings<Schema extends z.ZodMiniType>(
  folder: string,
  name: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const names = await readdir(join(folder, name, '..')).catch((): string[] => []);
  if (!names.includes(name.split('/')[1] as string)) return undefined;
  const parsed = schema.safeParse(await readJsonFile(join(folder, name), name));
  if (!parsed.success) throw new FunctionError('model_corrupt', `${name} is malformed.`, { cause: parsed.error });
  return parsed.data;
}

function numberOrNothing(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function foreign(model: string): FunctionError {
  return new FunctionError('invalid_input', `The folder holds ${model}; Safelight runs Stable Diffusion v1.`);
}
