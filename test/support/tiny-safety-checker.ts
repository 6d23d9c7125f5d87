import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uniformValues } from '../full-size/random-values.ts';
import { floats, type TensorData } from '../function/checkpoint/checkpoint-writer.ts';

interface SafetyGoldens {
  /** Tensors of the small checker, by diffusers' names. */
  shapes: Record<string, number[]>;
  cases: {
    width: number;
    height: number;
    cropped: string;
    /** Every 9973rd value of [1, 3, 224, 224]. */
    normalized: number[];
    specialCosines: number[];
    conceptCosines: number[];
    specialCareScores: number[];
    conceptScores: number[];
    isFlagged: boolean;
  }[];
}

export const safetyGoldens: SafetyGoldens = JSON.parse(
  await readFile(join(import.meta.dirname, '../fixtures/safety/safety.json'), 'utf8'),
);

/**
 * The tensors of the safety checker of `test/fixtures/safety/make_goldens.py`, by diffusers' names.
 * @param threshold Of all concepts, in place of the checker's own: -2 flags every picture, 2 none.
 */
export function tinySafetyChecker(threshold?: number): Map<string, TensorData> {
  const tensors = Object.entries(safetyGoldens.shapes).map(([name, shape]): [string, TensorData] => {
    const values = [...valuesOf(name, shape)];
    const isThreshold = threshold !== undefined && name === 'concept_embeds_weights';
    return [name, floats(shape, isThreshold ? values.map(() => threshold) : values)];
  });
  return new Map(tensors);
}

function valuesOf(name: string, shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (name.endsWith('_weights')) return uniformValues(name, count, 0.1, 0.33);
  if (name.includes('norm')) return uniformValues(name, count, 0.3, name.endsWith('weight') ? 1 : 0);
  if (name.endsWith('bias')) return uniformValues(name, count, 0.3);
  const isEmbedding = name.includes('embeds') || (name.includes('embedding') && !name.includes('patch'));
  if (isEmbedding) return uniformValues(name, count, 1);
  return uniformValues(name, count, Math.sqrt(6 / (count / (shape[0] ?? 1))));
}
