import { join } from 'node:path';
import { openSafetensors } from '../../function/src/checkpoint/safetensors.ts';
import type { Tensor } from '../../function/src/runtime/tensor.ts';

/** Reads float32 tensors from a file of golden values. */
export async function readGolden(...path: string[]): Promise<(name: string) => Tensor> {
  const source = await openSafetensors(join(import.meta.dirname, '../fixtures', ...path));
  const tensors = new Map<string, Tensor>();
  for (const { name, type, shape } of source.tensors.values()) {
    if (type === 'F32') tensors.set(name, { data: await source.readFloat32(name), dims: shape });
  }
  await source.close();
  return (name) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`No golden tensor ${name}`);
    return tensor;
  };
}

/** The largest difference of two tensors of equal shape; NaN where either has one. */
export function maxAbsoluteError(actual: Tensor, expected: Tensor): number {
  if (actual.dims.join() !== expected.dims.join()) throw new Error(`[${actual.dims}] is not [${expected.dims}]`);
  let largest = 0;
  for (const [i, value] of actual.data.entries()) {
    const error = Math.abs(value - (expected.data[i] as number));
    if (!(error <= largest)) largest = error;
  }
  return largest;
}
