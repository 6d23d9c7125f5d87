import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { TensorSource } from '../checkpoint/tensor-source.ts';
import { encodeOnnx, placeWeights } from '../graphs/encode-onnx.ts';
import type { Graph } from '../graphs/graph-builder.ts';
import { type ComponentName, type FileEntry, graphFile, weightsFile } from './manifest.ts';
import { createPartHasher } from './part-hasher.ts';
import { createWeightMemory, readWeight } from './read-weight.ts';

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
  // Two blocks of memory for all tensors, one being read into while the other is hashed and written: fresh pages for
  // each tensor would cost more time than reading into them.
  const memory = [createWeightMemory(graph.weights), createWeightMemory(graph.weights)] as const;
  const read = (index: number): Promise<Uint8Array> => {
    const placement = placements[index];
    if (placement === undefined) return Promise.resolve(new Uint8Array());
    const reading = readWeight(placement, checkpoint, memory[index % 2 === 0 ? 0 : 1]);
    // Its failure is heard when it is this tensor's turn.
    reading.catch(() => undefined);
    return reading;
  };
  let end = 0;
  let reading = read(0);
  for (const [index, { offset, byteLength }] of placements.entries()) {
    const bytes = await reading;
    reading = read(index + 1);
    if (offset > end) yield new Uint8Array(offset - end);
    yield bytes;
    end = offset + byteLength;
    onTensor?.(byteLength);
  }
}
