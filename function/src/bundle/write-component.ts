import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { TensorSource } from '../checkpoint/tensor-source.ts';
import { FunctionError } from '../errors.ts';
import { encodeOnnx, placeWeights, type WeightPlacement } from '../graphs/encode-onnx.ts';
import type { Graph } from '../graphs/graph-builder.ts';
import { type ComponentName, type FileEntry, graphFile, weightsFile } from './manifest.ts';
import { createPartHasher } from './part-hasher.ts';

export interface WrittenFile extends FileEntry {
  name: string;
}

export interface WriteComponentOptions {
  folder: string;
  component: ComponentName;
  graph: Graph;
  checkpoint: TensorSource;
  /** Called after each tensor with its bytes; may throw to stop. */
  onTensor?: (bytes: number) => void;
}

/** Writes a graph and its weights, one tensor in memory at a time. */
export async function writeComponent(options: WriteComponentOptions): Promise<WrittenFile[]> {
  const { folder, component, graph } = options;
  const model = encodeOnnx(graph, weightsFile(component));
  return [
    await writeFile(folder, graphFile(component), [model]),
    await writeFile(folder, weightsFile(component), weightBytes(options)),
  ];
}

/** Writes a new file chunk by chunk and says what it holds. It is on disk when this resolves. */
export async function writeFile(
  folder: string,
  name: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<WrittenFile> {
  const hash = createHash('sha256');
  const partHasher = createPartHasher();
  let bytes = 0;
  const file = await open(join(folder, name), 'wx', 0o600);
  try {
    for await (const chunk of chunks) {
      // The system copies the chunk in a thread of its own while this one hashes it.
      const written = file.writeFile(chunk);
      hash.update(chunk);
      partHasher.update(chunk);
      bytes += chunk.byteLength;
      await written;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const parts = partHasher.finish();
  return { name, bytes, sha256: hash.digest('hex'), ...(parts === undefined ? {} : { parts }) };
}

async function* weightBytes({ graph, checkpoint, onTensor }: WriteComponentOptions): AsyncIterable<Uint8Array> {
  const { placements } = placeWeights(graph);
  // One block of memory for every tensor: fresh pages would cost more time than reading into them.
  const memory = new ArrayBuffer(Math.max(0, ...placements.map(({ byteLength }) => byteLength)));
  const transposed = new Float32Array(Math.max(0, ...placements.map(transposedLength)));
  let end = 0;
  for (const placement of placements) {
    if (placement.offset > end) yield new Uint8Array(placement.offset - end);
    yield await readWeight(placement, checkpoint, memory, transposed);
    end = placement.offset + placement.byteLength;
    onTensor?.(placement.byteLength);
  }
}

function transposedLength({ weight, byteLength }: WeightPlacement): number {
  return weight.layout === 'transposed' ? byteLength / 4 : 0;
}

/** The result lasts until the next weight is read. */
async function readWeight(
  { weight, byteLength }: WeightPlacement,
  checkpoint: TensorSource,
  memory: ArrayBuffer,
  transposed: Float32Array,
): Promise<Uint8Array> {
  const tensor = checkpoint.tensors.get(weight.name);
  if (tensor === undefined) {
    throw new FunctionError(
      'model_corrupt',
      `The checkpoint has no tensor ${weight.name}: it is not a whole v1 model.`,
    );
  }
  if (tensor.shape.join() !== weight.shape.join()) {
    throw new FunctionError(
      'model_corrupt',
      `Tensor ${weight.name} has the shape [${tensor.shape}] where the model's configuration says [${weight.shape}].`,
    );
  }
  const values = await checkpoint.readFloat32(weight.name, memory);
  if (weight.layout === 'stored') return new Uint8Array(values.buffer, values.byteOffset, byteLength);
  transpose(values, weight.shape as readonly [number, number], transposed);
  return new Uint8Array(transposed.buffer, 0, byteLength);
}

/** [rows, columns] → [columns, rows], in square tiles that stay in the cache. */
function transpose(values: Float32Array, [rows, columns]: readonly [number, number], result: Float32Array): void {
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    for (let left = 0; left < columns; left += tile) {
      const bottom = Math.min(top + tile, rows);
      const right = Math.min(left + tile, columns);
      for (let row = top; row < bottom; row += 1) {
        for (let column = left; column < right; column += 1) {
          result[column * rows + row] = values[row * columns + column] as number;
        }
      }
    }
  }
}
