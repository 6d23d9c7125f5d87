import type { TensorSource } from '../checkpoint/tensor-source.ts';
import { FunctionError } from '../errors.ts';
import { elementBytes } from '../graphs/encode-onnx.ts';
import type { Arrangement, StoredTensor, WeightSpec } from '../graphs/graph-builder.ts';
import { sumKernelRows } from '../graphs/layers/winograd.ts';
import { quantizationScales, quantizeColumns } from './quantize-weight.ts';
import { MAX_FLOAT16, toFloat16Bits } from './to-float16.ts';

/** Makes the weights of a graph from the checkpoint's tensors. */
export interface WeightReader {
  /**
   * Fills `target` with a weight's bytes from `start` on. A weight that is stored in another way is made as a whole, and
   * kept until another such one is asked for.
   * @throws FunctionError `invalid_input` naming the tensor whose values half precision cannot hold; as the checkpoint.
   */
  read(weight: WeightSpec, start: number, target: Uint8Array): Promise<void>;
}

/** @throws FunctionError `model_corrupt` naming the tensor that is missing or has another shape. */
export function createWeightReader(weights: readonly WeightSpec[], checkpoint: TensorSource): WeightReader {
  for (const source of weights.flatMap(({ sources }) => sources)) checkSource(source, checkpoint);
  const memory = createMemory(weights.filter((weight) => !isAsStored(weight)));
  let arranged: { weight: WeightSpec; bytes: Uint8Array } | undefined;
  return {
    async read(weight, start, target) {
      if (isAsStored(weight)) {
        const [source] = weight.sources as [StoredTensor];
        const run = new Float32Array(target.buffer, target.byteOffset, target.byteLength / 4);
        await checkpoint.readFloat32(source.name, { start: runOf(source).start + start / 4, target: run });
        return;
      }
      if (arranged?.weight !== weight) arranged = { weight, bytes: await arrange(weight, checkpoint, memory) };
      target.set(arranged.bytes.subarray(start, start + target.byteLength));
    },
  };
}

/** Memory for one weight: what is read, and what is made of it. */
interface WeightMemory {
  readonly source: ArrayBuffer;
  /** What `source` holds: several weights in a row may be made of one tensor. */
  held?: string | undefined;
  readonly arranged: ArrayBuffer;
}

/** @returns Memory that is large enough for each of the weights in turn. */
function createMemory(weights: readonly WeightSpec[]): WeightMemory {
  const largest = (sizes: number[]) => sizes.reduce((a, b) => Math.max(a, b), 0);
  const sources = weights.flatMap((weight) => weight.sources.map((source) => 4 * elements(runOf(source).shape)));
  const arranged = weights.map(({ shape, type }) => elementBytes[type] * elements(shape));
  return { source: new ArrayBuffer(largest(sources)), arranged: new ArrayBuffer(largest(arranged)) };
}

/** The result lasts until the memory is used again. */
async function arrange(weight: WeightSpec, checkpoint: TensorSource, memory: WeightMemory): Promise<Uint8Array> {
  const target = new arrayTypes[weight.type](memory.arranged, 0, elements(weight.shape));
  for (const [part, source] of weight.sources.entries()) {
    const { start, shape } = runOf(source);
    const values = new Float32Array(memory.source, 0, elements(shape));
    const wanted = `${source.name} from ${start}, ${shape}`;
    if (memory.held !== wanted) {
      memory.held = undefined;
      await checkpoint.readFloat32(source.name, { start, target: values });
      memory.held = wanted;
    }
    arrangePart(weight, part, values, target);
  }
  return new Uint8Array(target.buffer, 0, target.byteLength);
}

function arrangePart(weight: WeightSpec, part: number, values: Float32Array, target: NumberArray): void {
  const { arrangement, type, sources } = weight;
  const source = sources[part] as StoredTensor;
  if (type === 'float16') checkRange(source.name, values);
  const convert = type === 'float16' ? toFloat16Bits : (value: number) => value;
  if (arrangement === 'quantized') quantizeColumns(values, runOf(source).shape, target);
  else if (arrangement === 'quantization_scales') quantizationScales(values, target);
  else if (typeof arrangement === 'object' && 'kernelRows' in arrangement)
    sumKernelRows(values, arrangement.kernelRows, target, convert);
  else copyArranged(values, target, layoutOf(arrangement, sources.length, source, part), convert);
}

const arrayTypes = { float32: Float32Array, float16: Uint16Array, int8: Int8Array } as const;
type NumberArray = InstanceType<(typeof arrayTypes)[keyof typeof arrayTypes]>;

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

function layoutOf(
  arrangement: Exclude<Arrangement, 'quantized' | 'quantization_scales' | { kernelRows: unknown }>,
  sourceCount: number,
  source: StoredTensor,
  part: number,
): Layout {
  const { shape } = runOf(source);
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
    return ((head * sourceCount + part) * headRows + (row % headRows)) * rowLength;
  };
  return { rows, rowLength, rowOffset, planes: 1 };
}

function copyArranged(
  values: Float32Array,
  target: NumberArray,
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

function checkSource(source: StoredTensor, { tensors }: TensorSource): void {
  const tensor = tensors.get(source.name);
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
}

/** The values that are taken of a tensor lie one after another: where they begin, and the shape that they have. */
function runOf({ shape: [count = 1, ...row], rows: [start, end] = [0, count] }: StoredTensor) {
  return { start: start * elements(row), shape: [end - start, ...row] };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
