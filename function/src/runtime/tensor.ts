/** A float32 tensor, row-major. */
export interface Tensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** Token ids, timesteps and the like, as the runtime takes them. */
export interface IntegerTensor {
  readonly data: BigInt64Array;
  readonly dims: readonly number[];
}

/** @throws RangeError when the number of values does not fit the shape. */
export function tensor(data: Float32Array, dims: readonly number[]): Tensor {
  const expected = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== expected) throw new RangeError(`${data.length} values do not fill [${dims}]`);
  return { data, dims };
}

/** Row `index` of the first axis, as a view: [n, …] → […] with a leading 1. */
export function row({ data, dims }: Tensor, index: number): Tensor {
  const [count = 1, ...rest] = dims;
  const size = data.length / count;
  return { data: data.subarray(index * size, (index + 1) * size), dims: [1, ...rest] };
}

/** Joins tensors of equal trailing shape along the first axis. */
export function concat(tensors: readonly Tensor[]): Tensor {
  const data = new Float32Array(tensors.reduce((total, { data }) => total + data.length, 0));
  let offset = 0;
  let count = 0;
  for (const part of tensors) {
    data.set(part.data, offset);
    offset += part.data.length;
    count += part.dims[0] ?? 1;
  }
  return { data, dims: [count, ...(tensors[0]?.dims.slice(1) ?? [])] };
}
