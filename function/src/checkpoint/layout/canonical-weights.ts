import { FunctionError } from '../../errors.ts';
import { stableDiffusionV1 } from '../../graphs/model-config.ts';
import type { CheckpointFile, TensorInfo } from '../tensor-source.ts';
import { type CheckpointPart, componentPrefixes, type NameMap } from './component.ts';
import {
  compVisName,
  compVisVaeName,
  emaName,
  isPositionIds,
  safetyCheckerName,
  textEncoderName,
} from './compvis-names.ts';
import { createDiffusersUnetNameMap, createDiffusersVaeNameMap } from './diffusers-names.ts';
import { expectedWeights } from './expected-weights.ts';

/** A weight under its canonical name and shape, and where to read it. */
export interface CanonicalWeight {
  readonly info: TensorInfo;
  readonly file: CheckpointFile;
  /** What the file calls it. */
  readonly sourceName: string;
}

export interface CanonicalWeights {
  readonly weights: ReadonlyMap<string, CanonicalWeight>;
  /** Tensors of the files that are no weights of the model, by the files' names for them. */
  readonly extra: readonly string[];
  /** Whether the averaged weights of the training are there too. */
  readonly hasEma: boolean;
}

/** Brings the tensors of any layout under the names and shapes of the original one. A later part replaces an earlier. */
export function collectWeights(parts: readonly CheckpointPart[]): CanonicalWeights {
  const weights = new Map<string, CanonicalWeight>();
  const extra: string[] = [];
  let hasEma = false;
  for (const part of parts) {
    const { file } = part;
    const toCanonical = createNameMap(part);
    const own = new Set<string>();
    for (const info of file.tensors.values()) {
      const name = toCanonical(info.name);
      if (info.name.startsWith('model_ema.')) hasEma ||= info.name.startsWith('model_ema.diffusion_model');
      else if (isPositionIds(info.name)) continue;
      else if (name === undefined || (own.has(name) && info.name !== name)) extra.push(info.name);
      else {
        own.add(name);
        weights.set(name, place(name, info, file));
      }
    }
  }
  return { weights, extra, hasEma };
}

/**
 * Replaces the UNet's weights by their averages over the training.
 * @throws FunctionError `invalid_input` when the file does not have them all.
 */
export function useEma(collected: CanonicalWeights, parts: readonly CheckpointPart[]): CanonicalWeights {
  const weights = new Map(collected.weights);
  // A file may have nothing but averages; then v1's own names are looked for.
  const ofUnet = (names: Iterable<string>) => [...names].filter((name) => name.startsWith(componentPrefixes.unet));
  const present = ofUnet(weights.keys());
  const names = present.length > 0 ? present : ofUnet(expectedWeights(stableDiffusionV1).keys());
  for (const name of names) {
    const sourceName = emaName(name);
    const file = parts.find((part) => part.file.tensors.has(sourceName))?.file;
    const info = file?.tensors.get(sourceName);
    if (file === undefined || info === undefined) {
      throw new FunctionError('invalid_input', `The checkpoint has no EMA weights for ${name}: leave out the option.`);
    }
    weights.set(name, place(name, info, file));
  }
  return { ...collected, weights };
}

function createNameMap({ holds, file: { tensors } }: CheckpointPart): NameMap {
  switch (holds) {
    case 'model':
      return compVisName;
    case 'unet':
      return createDiffusersUnetNameMap(tensors.keys());
    case 'text_encoder':
      return textEncoderName;
    case 'safety_checker':
      return safetyCheckerName;
    case 'vae': {
      const isDiffusers = [...tensors.keys()].some((name) => /^(?:encoder|decoder)\.mid_block\./.test(name));
      return isDiffusers ? createDiffusersVaeNameMap(tensors.keys()) : compVisVaeName;
    }
  }
}

function place(name: string, info: TensorInfo, file: CheckpointFile): CanonicalWeight {
  return { info: { ...info, name, shape: canonicalShape(name, info.shape) }, file, sourceName: info.name };
}

/** A linear layer over the places of a picture is a convolution of one pixel: files have either. */
function canonicalShape(name: string, shape: readonly number[]): readonly number[] {
  const isConvolution = /\.(?:proj_in|proj_out|attn_1\.[qkv]|attn_1\.proj_out)\.weight$/.test(name);
  return isConvolution && shape.length === 2 ? [...shape, 1, 1] : shape;
}
