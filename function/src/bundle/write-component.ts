import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { TensorSource } from '../checkpoint/tensor-source.ts';
import { encodeOnnx, placeWeights, type WeightPlacement } from '../graphs/encode-onnx.ts';
import type { Graph } from '../graphs/graph-builder.ts';
import type { ByteThreads, SharedBytes } from './byte-threads.ts';
import { describeBytes, type FileEntry, PART_BYTES } from './file-entry.ts';
import { type ComponentName, type GraphName, graphFile, weightsFile } from './manifest.ts';
import type { PartRing } from './part-ring.ts';
import { createWeightReader, type WeightReader } from './read-weight.ts';

/** So much is written before the disk is told to take it, while more is computed: at the end there is little to wait for. */
const SYNC_BYTES = 32 * PART_BYTES;

export interface WrittenFile extends FileEntry {
  name: string;
}

/** What a network is written as: its graph, whose weights lie beside it. */
export interface NetworkGraphs {
  component: ComponentName;
  graph: Graph;
  /** Graphs over some of the same weights, which are written once. @defaultValue none */
  others?: Partial<Record<GraphName, Graph>>;
}

export interface WriteOptions extends NetworkGraphs {
  folder: string;
  /** Of parts of `PART_BYTES`. */
  ring: PartRing;
  threads: ByteThreads;
  /** Called with the bytes of each part of the weights; may throw to stop. */
  onPart?: ((bytes: number) => void) | undefined;
}

export interface WriteComponentOptions extends WriteOptions {
  checkpoint: TensorSource;
}

/** Fills a part of the weights file, all of it, from `offset` on. Parts are asked for in order. */
export type FillPart = (part: SharedBytes, offset: number) => Promise<void>;

/** Writes a network's graphs and its weights, a few parts in memory at a time. */
export async function writeComponent({ checkpoint, ...options }: WriteComponentOptions): Promise<WrittenFile[]> {
  const { placements } = placeWeights(options.graph);
  const reader = createWeightReader(options.graph.weights, checkpoint);
  return writeFilled(options, (part, offset) => readWeights(part, offset, placements, reader));
}

/** The same, whatever the weights come from. */
export async function writeFilled(options: WriteOptions, fill: FillPart): Promise<WrittenFile[]> {
  const { folder, component, graph, others } = options;
  const written: WrittenFile[] = [];
  for (const [name, own] of Object.entries({ [component]: graph, ...others })) {
    const model = encodeOnnx(own, weightsFile(component), graph);
    written.push(await writeFile(folder, graphFile(name as GraphName), model));
  }
  return [...written, await writeWeights(options, fill)];
}

/** Writes a new file and says what it holds. It is on disk when this resolves. */
export async function writeFile(folder: string, name: string, bytes: Uint8Array): Promise<WrittenFile> {
  const file = await open(join(folder, name), 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  return { name, ...describeBytes(bytes) };
}

async function writeWeights(options: WriteOptions, fill: FillPart): Promise<WrittenFile> {
  const { folder, component, graph, ring, threads, onPart } = options;
  const { byteLength } = placeWeights(graph);
  const name = weightsFile(component);
  const crc32: string[] = [];
  const file = await open(join(folder, name), 'wx', 0o600);
  let syncing = Promise.resolve();
  let syncedBytes = 0;
  try {
    await ring.pass(byteLength, {
      fill,
      async drain(part, offset) {
        const hashing = threads.crc32(part);
        const writing = threads.write(part, file.fd, offset);
        await Promise.allSettled([hashing, writing]);
        await writing;
        crc32[offset / PART_BYTES] = await hashing;
        if (offset >= syncedBytes + SYNC_BYTES) {
          syncedBytes = offset;
          syncing = syncing.then(() => file.datasync());
          syncing.catch(() => undefined); // Heard at the end.
        }
        onPart?.(part.byteLength);
      },
    });
    await syncing;
    await file.sync();
  } finally {
    await syncing.catch(() => undefined);
    await file.close();
  }
  return { name, bytes: byteLength, partBytes: PART_BYTES, crc32 };
}

/** Reads what lies in one part of the weights file: the end of one weight, some whole ones, the start of another. */
async function readWeights(
  part: SharedBytes,
  partOffset: number,
  placements: readonly WeightPlacement[],
  reader: WeightReader,
): Promise<void> {
  const partEnd = partOffset + part.byteLength;
  let filled = 0;
  for (const { weight, offset, byteLength } of placements) {
    const start = Math.max(offset, partOffset);
    const end = Math.min(offset + byteLength, partEnd);
    if (start >= end) continue;
    part.fill(0, filled, start - partOffset);
    await reader.read(weight, start - offset, part.subarray(start - partOffset, end - partOffset));
    filled = end - partOffset;
  }
}
