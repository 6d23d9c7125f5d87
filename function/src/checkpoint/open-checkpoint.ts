import { basename } from 'node:path';
import { FunctionError } from '../errors.ts';
import type { ModelConfig } from '../graphs/model-config.ts';
import { corruptFile, printable } from './corrupt-file.ts';
import type { DiffusersSettings } from './diffusers-folder.ts';
import { inferModelConfig } from './infer-model-config.ts';
import { type CanonicalWeights, collectWeights, useEma } from './layout/canonical-weights.ts';
import { checkWeights } from './layout/check-weights.ts';
import { recognizeForeign } from './layout/foreign-models.ts';
import { type CheckpointOptions, closeParts, type OpenParts, openParts } from './open-parts.ts';
import type { TensorInfo, TensorSource } from './tensor-source.ts';

/** A Stable Diffusion v1 checkpoint: its tensors are named and shaped as CompVis' code has them, whatever the layout. */
export interface Checkpoint extends TensorSource {
  readonly layout: OpenParts['layout'];
  /** Read off the shapes, and from the files of a diffusers folder. */
  readonly config: ModelConfig;
}

/**
 * Opens a Stable Diffusion v1 checkpoint, whatever its form: `.safetensors`, one file or sharded; `.ckpt`, today's or
 * the old format; a diffusers folder. It is whole and its shapes fit each other when this resolves; values are checked
 * as they are read.
 * @throws FunctionError `model_corrupt` when it is damaged or incomplete; `invalid_input` when it is something else, such
 * as an SDXL model or a LoRA, which the message names.
 */
export async function openCheckpoint(path: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
  const opened = await openParts(path, options);
  try {
    return createCheckpoint(opened, basename(path), options);
  } catch (error) {
    await closeParts(opened.parts);
    throw error;
  }
}

/** The checkpoint that open files make up. Closing it closes them. */
export function createCheckpoint(opened: OpenParts, name: string, options: CheckpointOptions = {}): Checkpoint {
  const { parts, layout, settings } = opened;
  for (const part of parts) {
    const foreign = recognizeForeign(part);
    if (foreign !== undefined) {
      throw new FunctionError('invalid_input', `${name} is ${foreign}; Safelight runs Stable Diffusion v1.`);
    }
  }
  const collected = chooseWeights(opened, options);
  const { weights } = collected;
  if (weights.size === 0) throw new FunctionError('invalid_input', `${name} has no tensor of Stable Diffusion v1.`);
  const config = configOf(collected, settings, name);
  const checker = parts.find(({ holds }) => holds === 'safety_checker');
  if (checker !== undefined && config.safety === undefined) {
    throw new FunctionError('invalid_input', `${checker.file.fileName} is no safety checker of Stable Diffusion v1.`);
  }
  const { problem } = checkWeights(collected, config);
  if (problem !== undefined) throw new FunctionError('model_corrupt', `${name} ${problem}.`);

  return {
    layout,
    config,
    tensors: tensorsOf(collected),
    async readFloat32(tensorName, run) {
      const weight = weights.get(tensorName);
      if (weight === undefined) throw corruptFile(name, `it has no tensor ${printable(tensorName)}`);
      return weight.file.readFloat32(weight.sourceName, run);
    },
    close: () => closeParts(parts),
  };
}

/** EMA weights where they are asked for, or where there are no others. */
export function chooseWeights({ parts, layout }: OpenParts, { ema }: CheckpointOptions): CanonicalWeights {
  const collected = collectWeights(parts);
  if (layout === 'diffusers') return collected;
  const hasUnet = [...collected.weights.keys()].some((name) => name.startsWith('model.diffusion_model.'));
  const wanted = ema ?? (!hasUnet && collected.hasEma);
  return wanted ? useEma(collected, parts) : collected;
}

export function configOf(collected: CanonicalWeights, settings: DiffusersSettings, name: string): ModelConfig {
  const config = inferModelConfig({ tensors: tensorsOf(collected) }, { ...settings, name });
  const { diffusion, vae } = config;
  const { betaStart, betaEnd, scalingFactor, sampleSize } = settings;
  return {
    ...config,
    diffusion: {
      ...diffusion,
      linear_start: betaStart ?? diffusion.linear_start,
      linear_end: betaEnd ?? diffusion.linear_end,
      scale_factor: scalingFactor ?? diffusion.scale_factor,
    },
    image_size: sampleSize === undefined ? config.image_size : sampleSize * 2 ** (vae.ch_mult.length - 1),
  };
}

function tensorsOf({ weights }: CanonicalWeights): Map<string, TensorInfo> {
  return new Map([...weights].map(([name, { info }]) => [name, info]));
}
