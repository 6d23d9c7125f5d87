import { type ByteSource, readBytes } from '../byte-source.ts';
import { corruptFile, printable } from '../corrupt-file.ts';
import type { StorageReference, TensorReference } from '../pickle/pickle-values.ts';
import { convertToFloat32, copyRun, readFloat32 } from '../read-float32.ts';
import { type CheckpointFile, elementBytes, elementCount, type TensorInfo } from '../tensor-source.ts';
import type { StateDict } from './state-dict.ts';
import { gather, isContiguous, type StridedView, spanOf } from './strided.ts';

interface TorchTensor extends TensorInfo, StridedView {
  /** Position of its first element in the file. */
  readonly start: number;
  readonly storage: StorageReference;
}

export interface TorchSourceOptions {
  readonly bytes: ByteSource;
  readonly format: CheckpointFile['format'];
  readonly stateDict: StateDict;
  /** Where a storage's first element is in the file; undefined where the file has none such. */
  readonly locate: (storage: StorageReference) => number | undefined;
}

/** @throws FunctionError `model_corrupt` where a tensor reaches beyond its storage. */
export function createTorchSource({ bytes, format, stateDict, locate }: TorchSourceOptions): CheckpointFile {
  const tensors = new Map<string, TorchTensor>();
  for (const [name, reference] of stateDict.tensors) {
    const start = locate(reference.storage);
    const problem = start === undefined ? 'refers to a storage that is not in the file' : findProblem(reference);
    if (problem !== undefined || start === undefined) {
      throw corruptFile(bytes.name, `tensor ${printable(name)} ${problem}`);
    }
    tensors.set(name, placeTensor(name, reference, start));
  }
  // A strided tensor is put in order as a whole, and kept while it is read run by run.
  let gathered: { name: string; values: Float32Array } | undefined;
  return {
    tensors,
    fileName: bytes.name,
    format,
    nesting: stateDict.nesting,
    async readFloat32(name, run) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw corruptFile(bytes.name, `it has no tensor ${printable(name)}`);
      if (isContiguous(tensor)) return readFloat32(bytes, tensor, tensor.start, run);
      if (gathered?.name !== name) gathered = { name, values: await readStrided(bytes, tensor) };
      return copyRun(gathered.values, run);
    },
    close: () => bytes.close(),
  };
}

function findProblem({ storage, offset, shape, strides }: TensorReference): string | undefined {
  const span = spanOf({ shape, strides });
  if (!Number.isSafeInteger(elementCount(shape)) || !Number.isSafeInteger(span)) return 'is absurdly large';
  return offset + span > storage.length ? 'reaches beyond its storage' : undefined;
}

function placeTensor(name: string, { storage, offset, shape, strides }: TensorReference, start: number): TorchTensor {
  const size = elementBytes[storage.type];
  const first = start + size * (storage.start + offset);
  return { name, type: storage.type, shape, strides, byteLength: size * elementCount(shape), start: first, storage };
}

/** A transposed tensor, a slice of one, or one in another order of its axes. */
async function readStrided(bytes: ByteSource, tensor: TorchTensor): Promise<Float32Array> {
  // Otherwise a few bytes could claim to be any amount of memory.
  if (elementCount(tensor.shape) > tensor.storage.length) {
    throw corruptFile(bytes.name, `tensor ${printable(tensor.name)} repeats its elements, which no weight does`);
  }
  const size = elementBytes[tensor.type];
  const span = await readBytes(bytes, tensor.start, size * spanOf(tensor));
  return convertToFloat32(bytes.name, tensor, gather(span, size, tensor));
}
