import type { TensorSource } from '../../function/src/checkpoint/tensor-source.ts';

export interface MemoryTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A checkpoint of tensors that are in memory. */
export function memoryCheckpoint(tensors: Readonly<Record<string, MemoryTensor>>): TensorSource {
  const stored = new Map(Object.entries(tensors));
  const infos = [...stored].map(([name, { shape, values }]) => {
    return [name, { name, shape, type: 'F32', byteLength: values.byteLength }] as const;
  });
  return {
    tensors: new Map(infos),
    async readFloat32(name, run) {
      const tensor = stored.get(name);
      if (tensor === undefined) throw new Error(`There is no tensor ${name}`);
      const { start, target } = run ?? { start: 0, target: new Float32Array(tensor.values.length) };
      target.set(tensor.values.subarray(start, start + target.length));
      return target;
    },
    close: () => Promise.resolve(),
  };
}
