import type { TensorSource } from '../checkpoint/tensor-source.ts';
import { FunctionError } from '../errors.ts';
import type { WeightPlacement } from '../graphs/encode-onnx.ts';
import type { StoredTensor, WeightSpec } from '../graphs/graph-builder.ts';
import { MAX_FLOAT16, toFloat16Bits } from './to-float16.ts';

/** Memory for one weight: what is read, and what is made of it where that is not the same. */
export interface WeightMemory {
  readonly source: ArrayBuffer;
  readonly arranged: ArrayBuffer;
}

/** @returns Memory that is large enough for each of the weights in turn. */
export function createWeightMemory(weights: readonly WeightSpec[]): WeightMemory {
  const largest = (sizes: number[]) => sizes.reduce((a, b) => Math.max(a, b), 0);
  const sources = weights.flatMap((weight) => weight.sources.map(({ shape }) => 4 * elements(shape)));
  const arranged = weights.filter((weight) => !isAsStored(weight)).map(({ shape }) => 4 * elements(shape));
  return { source: new ArrayBuffer(largest(sources)), arranged: new ArrayBuffer(largest(arranged)) };
}

/**
 * Makes one weight of a graph from the checkpoint's tensors. The result lasts until the memory is used again.
 * @throws FunctionError `model_corrupt` naming the tensor that is missing or has another shape; `invalid_input` naming
 * the one whose values half precision cannot hold.
 */
export async function readWeight(
  { weight, byteLength }: WeightPlacement,
  checkpoint: TensorSource,
  memory: WeightMemory,
): Promise<Uint8Array> {
  if (isAsStored(weight)) {
    const [source] = weight.sources as [StoredTensor];
    const values = await readSource(source, checkpoint, memory.source);
    return new Uint8Array(values.buffer, values.byteOffset, byteLength);
  }
  const target =
    weight.type === 'float16'
      ? new Uint16Array(memory.arranged, 0, elements(weight.shape))
      : new Float32Array(memory.arranged, 0, elements(weight.shape));
  for (const [part, source] of weight.sources.entries()) {
    const values = await readSource(source, checkpoint, memory.source);
    if (weight.type === 'float16') checkRange(source.name, values);
    const convert = weight.type === 'float16' ? toFloat16Bits : (value: number) => value;
    copyArranged(values, target, arrangementOf(weight, source, part), convert);
  }
  return new Uint8Array(target.buffer, 0, byteLength);
}

function isAsStored({ type, arrangement }: WeightSpec): boolean {
  return type === 'float32' && arrangement === 'as_stored';
}

/** Where the values of a source go: row by row, each to its offset. */
interface Layout {
  rows: number;
  rowLength: number;
  rowOffset: (row: number) => number;
  /** Elements of a row lie as [planes, length / planes] and go to [length / planes, planes]. */
  planes: number;
}

function arrangementOf({ arrangement, sources }: WeightSpec, { shape }: StoredTensor, part: number): Layout {
  const [rows = 1] = shape;
  const rowLength = elements(shape) / rows;
  if (arrangement === 'as_stored') return { rows, rowLength, rowOffset: (row) => row * rowLength, planes: 1 };
  if (arrangement === 'channels_last') {
    const [, channels = 1] = shape;
    return { rows, rowLength, rowOffset: (row) => row * rowLength, planes: channels };
  }
  const headRows = rows / arrangement.interleavedHeads;
  const rowOffset = (row: number) => {
    const head = Math.floor(row / headRows);
    return ((head * sources.length + part) * headRows + (row % headRows)) * rowLength;
  };
  return { rows, rowLength, rowOffset, planes: 1 };
}

function copyArranged(
  values: Float32Array,
  target: Uint16Array | Float32Array,
  { rows, rowLength, rowOffset, planes }: Layout,
  convert: (value: number) => number,
): void {
  const places = rowLength / planes;
  let from = 0;
  for (let row = 0; row < rows; row += 1) {
    const start = rowOffset(row);
    for (let plane = 0; plane < planes; plane += 1) {
      for (let place = 0; place < places; place += 1) {
        target[start + place * planes + plane] = convert(values[from] as number);
        from += 1;
      }
    }
  }
}

function checkRange(name: string, values: Float32Array): void {
  for (const value of values) {
    if (value > MAX_FLOAT16 || value < -MAX_FLOAT16) {
      throw new FunctionError(
        'invalid_input',
        `Tensor ${name} has values that half precision cannot hold: convert for the cpu instead.`,
      );
    }
  }
}

async function readSource(source: StoredTensor, checkpoint: TensorSource, memory: ArrayBuffer): Promise<Float32Array> {
  const tensor = checkpoint.tensors.get(source.name);
  if (tensor === undefined) {
    throw new FunctionError(
      'model_corrupt',
      `The checkpoint has no tensor ${source.name}: it is not a whole v1 model.`,
    );
  }
  if (tensor.shape.join() !== source.shape.join()) {
    throw new FunctionError(
      'model_corrupt',
      `Tensor ${source.name} has the shape [${tensor.shape}] where the model's configuration says [${source.shape}].`,
    );
  }
  return checkpoint.readFloat32(source.name, memory);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
