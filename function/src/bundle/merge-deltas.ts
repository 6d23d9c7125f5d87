import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openByteSource } from '../checkpoint/byte-source.ts';
import type { DeltaSource } from '../checkpoint/lora/delta-source.ts';
import { toFloat32 } from '../checkpoint/to-float32.ts';
import { FunctionError } from '../errors.ts';
import { elementBytes, encodeOnnx, placeWeights, type WeightPlacement } from '../graphs/encode-onnx.ts';
import type { Graph, WeightSpec } from '../graphs/graph-builder.ts';
import type { FloatType } from '../graphs/onnx-schema.ts';
import { type SharedBytes, spareThreads, startByteThreads } from './byte-threads.ts';
import { buildGraph, buildGraphs, encodeJson } from './compile.ts';
import { describeBytes, fingerprint, PART_BYTES } from './file-entry.ts';
import {
  type ComponentName,
  componentNames,
  graphFile,
  MANIFEST_FILE,
  type Manifest,
  weightsFile,
} from './manifest.ts';
import type { Bundle } from './open-bundle.ts';
import { createPartRing } from './part-ring.ts';
import { createWeightReader, type WeightReader } from './read-weight.ts';
import { MAX_FLOAT16, toFloat16Bits } from './to-float16.ts';
import { recordVerified } from './verified-states.ts';
import { type NetworkGraphs, type WrittenFile, writeFile, writeFilled } from './write-component.ts';

/** The largest finite number of each type that weights have. */
const largest = { float32: 3.402_823_466_385_288_6e38, float16: MAX_FLOAT16 } as const;

/**
 * Writes those networks of a bundle that deltas change, with the deltas added. A bundle's weights are a checkpoint's,
 * rearranged, and deltas add up: so the deltas are rearranged as the weights were, and added in float32. Half-precision
 * weights are rounded once more, after that.
 * @param folder Created; must not exist yet. Its manifest lists the files that it has.
 * @param signal Checked between parts.
 * @throws FunctionError `invalid_input` when a sum is too large for the weight's type, or the weights are int8; `model_corrupt` for a bundle whose
 * graphs are not those of this version; what loading a delta throws.
 */
export async function mergeDeltas(
  folder: string,
  bundle: Bundle,
  deltas: DeltaSource,
  signal?: AbortSignal,
): Promise<Manifest> {
  // All are looked at before anything is written.
  const changes = changedComponents(bundle.manifest, deltas).map((component) => {
    const graphs = checkedGraphs(component, bundle.manifest);
    return { ...graphs, adder: createAdder(graphs.graph, deltas) };
  });
  await mkdir(folder, { mode: 0o700 });
  const written: WrittenFile[] = [];
  const threads = startByteThreads(spareThreads());
  try {
    const ring = createPartRing(PART_BYTES);
    for (const { adder, ...graphs } of changes) {
      const { component } = graphs;
      const base = await openByteSource(join(dirname(bundle.graphPath(component)), weightsFile(component)));
      try {
        const fill = async (part: SharedBytes, offset: number) => {
          signal?.throwIfAborted();
          await base.read(part, offset);
          await adder(part, offset);
        };
        written.push(...(await writeFilled({ ...graphs, folder, ring, threads }, fill)));
      } finally {
        await base.close();
      }
    }
  } finally {
    await threads.close();
  }
  const files = Object.fromEntries(written.map(({ name, ...entry }) => [name, entry]));
  const manifest: Manifest = { ...bundle.manifest, files };
  await writeFile(folder, MANIFEST_FILE, encodeJson(manifest));
  await recordVerified(folder, manifest);
  return manifest;
}

function changedComponents({ config, target, precision }: Manifest, deltas: DeltaSource): ComponentName[] {
  return componentNames.filter((component) =>
    buildGraph(component, config, target, precision).weights.some((weight) => isChanged(weight, deltas)),
  );
}

const isChanged = ({ sources }: WeightSpec, deltas: DeltaSource) => sources.some(({ name }) => deltas.changes(name));

/** Where its weights lie is known only of a graph that this version makes. */
function checkedGraphs(component: ComponentName, { config, target, precision, files }: Manifest): NetworkGraphs {
  const graphs = buildGraphs(component, config, target, precision);
  const { graph } = graphs;
  const listed = files[graphFile(component)];
  const own = describeBytes(encodeOnnx(graph, weightsFile(component)));
  const isKnown = listed !== undefined && fingerprint(listed) === fingerprint(own);
  if (isKnown && files[weightsFile(component)]?.bytes === placeWeights(graph).byteLength) return graphs;
  throw new FunctionError(
    'model_corrupt',
    `The model's ${component} was not compiled by this version: a LoRA cannot be added to it. Convert the model again.`,
  );
}

/** Adds to each part of a weights file what is due to the weights in it. */
function createAdder(graph: Graph, deltas: DeltaSource): (part: SharedBytes, partOffset: number) => Promise<void> {
  const changed = placeWeights(graph)
    .placements.filter(({ weight }) => isChanged(weight, deltas))
    .map((placement) => ({ placement, type: floatType(placement.weight) }));
  const asFloat32 = new Map(
    changed.map(({ placement: { weight } }) => [weight.name, { ...weight, type: 'float32' as const }]),
  );
  const reader = createWeightReader([...asFloat32.values()], deltas.tensors);
  return async (part, partOffset) => {
    for (const { placement, type } of changed) {
      const spec = asFloat32.get(placement.weight.name) as WeightSpec;
      await addToPart(part, partOffset, placement, type, spec, reader);
    }
  };
}

/** A sum of rounded weights and deltas would be rounded to other steps: better to round the checkpoint's own sum. */
function floatType({ type }: WeightSpec): FloatType {
  if (type !== 'int8') return type;
  throw new FunctionError(
    'invalid_input',
    "A LoRA cannot be added to a model in int8: convert the model's checkpoint with --lora, or without --precision int8.",
  );
}

async function addToPart(
  part: SharedBytes,
  partOffset: number,
  { weight, offset, byteLength }: WeightPlacement,
  type: FloatType,
  asFloat32: WeightSpec,
  reader: WeightReader,
): Promise<void> {
  const start = Math.max(offset, partOffset);
  const end = Math.min(offset + byteLength, partOffset + part.byteLength);
  if (start >= end) return;
  const bytesOfOne = elementBytes[type];
  const count = (end - start) / bytesOfOne;
  const sums = new Float32Array(count);
  const delta = new Uint8Array(sums.buffer);
  await reader.read(asFloat32, ((start - offset) / bytesOfOne) * 4, delta);

  const bytes = part.subarray(start - partOffset, end - partOffset);
  const values = new Float32Array(count);
  toFloat32(Uint8Array.from(bytes), values, type === 'float16' ? 'F16' : 'F32');
  for (let i = 0; i < count; i += 1) {
    const sum = Math.fround((values[i] as number) + (sums[i] as number));
    // Also when it is no number.
    if (!(Math.abs(sum) <= largest[type])) throw tooLarge(weight);
    sums[i] = sum;
  }
  if (type === 'float16') {
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
    for (let i = 0; i < count; i += 1) halves[i] = toFloat16Bits(sums[i] as number);
  } else bytes.set(delta);
}

function tooLarge({ name, type }: WeightSpec): FunctionError {
  const precision = type === 'float16' ? 'half precision' : 'single precision';
  return new FunctionError(
    'invalid_input',
    `With the LoRAs, ${name} has values that ${precision} cannot hold: use smaller weights.`,
  );
}
