import { join } from 'node:path';
import type { Tensor } from '../../function/src/runtime/tensor.ts';
import golden from '../fixtures/full-size/golden.json' with { type: 'json' };
import { readGolden } from '../support/golden.ts';

export type Component = 'text_encoder' | 'unet' | 'vae_decoder' | 'vae_encoder' | 'trajectory';

/** What an original network computed, and from what. */
export interface GoldenCase {
  readonly name: string;
  readonly component: Component;
  readonly inputs: GoldenInputs;
  readonly dims: readonly number[];
  /** Of the values kept: every how many. */
  readonly stride: number;
  /** Of the whole tensor. */
  readonly mean: number;
  readonly std: number;
}

interface GoldenInputs {
  readonly prompts?: readonly string[];
  readonly latents?: readonly number[];
  readonly timesteps?: readonly number[];
  readonly prompt_embeddings?: readonly number[];
  readonly image?: readonly number[];
  readonly sampler?: string;
  readonly prompt?: string;
  readonly guidance?: number;
  readonly steps?: number;
  readonly noise?: readonly number[];
}

export interface Comparison {
  readonly maxAbsoluteError: number;
  /** max |a − b| / max |b| over the values kept; mean and deviation of the whole tensor are held to the same. */
  readonly maxRelativeError: number;
  readonly std: number;
}

export const goldenCases = golden.cases as readonly GoldenCase[];

/** Compares an output with the values kept of the original's. */
export async function compareWithGolden(golden: GoldenCase, actual: Tensor): Promise<Comparison> {
  if (actual.dims.join() !== golden.dims.join()) throw new Error(`${golden.name}: [${actual.dims}]`);
  const kept = (await readKept())(golden.name).data;
  const sample = Float32Array.from(kept, (_, i) => actual.data[i * golden.stride] as number);
  const scale = kept.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const { mean, std } = moments(actual.data);
  const maxAbsoluteError = largestDifference(sample, kept);
  // Math.max is NaN when one of them is, unlike a comparison.
  const error = Math.max(maxAbsoluteError, Math.abs(mean - golden.mean), Math.abs(std - golden.std));
  return { maxAbsoluteError, maxRelativeError: error / scale, std };
}

/** max |a − b| / max |b|; NaN where either holds one. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  const scale = b.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return largestDifference(a, b) / scale;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} values are not ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

function moments(values: Float32Array): { mean: number; std: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, std: Math.sqrt(squares / values.length) };
}

let kept: ReturnType<typeof readGolden> | undefined;

function readKept() {
  kept ??= readGolden(join('full-size', 'golden.safetensors'));
  return kept;
}
