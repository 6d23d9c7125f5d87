import { mkdir } from 'node:fs/promises';
import type { TensorSource } from '../checkpoint/tensor-source.ts';
import { FunctionError } from '../errors.ts';
import { placeWeights } from '../graphs/encode-onnx.ts';
import type { Graph } from '../graphs/graph-builder.ts';
import type { Target } from '../graphs/layers/layers.ts';
import { type ModelConfig, safetyCheckerV1, type UnetConfig } from '../graphs/model-config.ts';
import { buildPreviewDecoder } from '../graphs/preview-decoder.ts';
import { quantize } from '../graphs/quantize.ts';
import { buildSafetyChecker } from '../graphs/safety-checker.ts';
import { buildTextEncoder } from '../graphs/text-encoder.ts';
import { buildShallowUnet, buildUnet, staysExact, type UnetOptions } from '../graphs/unet.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../graphs/vae.ts';
import { createClipTokenizerJson } from '../pipeline/clip-tokenizer-json.ts';
import { spareThreads, startByteThreads } from './byte-threads.ts';
import { PART_BYTES } from './file-entry.ts';
import {
  BUNDLE_FORMAT_VERSION,
  type ComponentName,
  componentNames,
  type GraphName,
  MANIFEST_FILE,
  type Manifest,
  type Precision,
  TOKENIZER_FILE,
} from './manifest.ts';
import { createPartRing } from './part-ring.ts';
import { type NetworkGraphs, type WrittenFile, writeComponent, writeFile } from './write-component.ts';

export interface CompileOptions {
  checkpoint: TensorSource;
  /** A decoder to go with the model's own, which it knows by the names that its graph has. @defaultValue none */
  previewDecoder?: TensorSource;
  /** sha256 of the checkpoint, recorded in the manifest; a promise where it is still being computed. */
  sourceSha256: string | Promise<string>;
  model: Manifest['model'];
  config: ModelConfig;
  /** The provider the bundle is for. @defaultValue `cpu` */
  target?: Target;
  /** What the UNet computes in: `int8` for the CPU only. @defaultValue `fp32`, and for CUDA `fp16` */
  precision?: Precision;
  vocabulary?: string[];
  /** Whether the person who compiles has accepted the model's licence. */
  licenseAccepted?: true;
  /** Called after each part of the weights, with bytes. */
  onProgress?: (writtenBytes: number, totalBytes: number) => void;
  /** Checked between parts. */
  signal?: AbortSignal;
}

type Build = (config: ModelConfig, target: Target, precision: Precision) => Graph;

const builders: Record<GraphName, Build> = {
  text_encoder: (config, target) => buildTextEncoder(config.text, target),
  unet: inPrecision(buildUnet),
  unet_shallow: inPrecision(buildShallowUnet),
  vae_decoder: (config, target) => buildVaeDecoder(config.vae, target),
  vae_encoder: (config, target) => buildVaeEncoder(config.vae, target),
  preview_decoder: (config, target) => buildPreviewDecoder(config.vae, target),
  safety_checker: ({ safety = safetyCheckerV1 }, target) => buildSafetyChecker(safety, target),
};

function inPrecision(build: (config: UnetConfig, target: Target, options?: UnetOptions) => Graph): Build {
  return ({ unet }, target, precision) =>
    precision === 'int8' ? quantize(build(unet, target, { mapSizes: [] }), staysExact) : build(unet, target);
}

/** Which precisions a target has, the usual one first. */
const precisions: Record<Target, readonly [Precision, ...Precision[]]> = { cpu: ['fp32', 'int8'], cuda: ['fp16'] };

/** One of a model's graphs. */
export function buildGraph(
  name: GraphName,
  config: ModelConfig,
  target: Target,
  precision: Precision = precisions[target][0],
): Graph {
  return builders[name](config, target, precision);
}

/** All graphs of one of a model's networks. */
export function buildGraphs(
  component: ComponentName,
  config: ModelConfig,
  target: Target,
  precision?: Precision,
): NetworkGraphs {
  const build = (name: GraphName) => buildGraph(name, config, target, precision);
  return {
    component,
    graph: build(component),
    ...(component === 'unet' && { others: { unet_shallow: build('unet_shallow') } }),
  };
}

/** @throws FunctionError `invalid_input` naming `precision` when the target has none of that name. */
export function resolvePrecision(target: Target, precision: string = precisions[target][0]): Precision {
  const known = precisions[target].find((name) => name === precision);
  if (known !== undefined) return known;
  const message = `precision must be ${precisions[target].join(' or ')} for ${target}`;
  throw new FunctionError('invalid_input', message, { field: 'precision' });
}

/**
 * Compiles a checkpoint into a bundle: graphs, weights ready to be mapped into memory, tokenizer, and the manifest last,
 * so that a folder with a manifest is whole. The same checkpoint gives the same bytes.
 * @param folder Created; must not exist yet.
 * @throws FunctionError `model_corrupt` naming the tensor that is missing or has another shape; `invalid_input` naming the
 * one whose values half precision cannot hold, or `precision`.
 */
export async function compileBundle(folder: string, options: CompileOptions): Promise<Manifest> {
  const { config, target = 'cpu', onProgress, signal } = options;
  const precision = resolvePrecision(target, options.precision);
  await mkdir(folder, { mode: 0o700 });
  const networks = sourcesOf(options).map((network) => {
    return { ...network, ...buildGraphs(network.component, config, target, precision) };
  });
  const totalBytes = networks.reduce((total, { graph }) => total + placeWeights(graph).byteLength, 0);
  let writtenBytes = 0;
  const onPart = (bytes: number) => {
    signal?.throwIfAborted();
    writtenBytes += bytes;
    onProgress?.(writtenBytes, totalBytes);
  };
  const written: WrittenFile[] = [];
  const threads = startByteThreads(spareThreads());
  try {
    const ring = createPartRing(PART_BYTES);
    for (const network of networks) {
      written.push(...(await writeComponent({ ...network, folder, ring, threads, onPart })));
    }
  } finally {
    await threads.close();
  }
  written.push(await writeFile(folder, TOKENIZER_FILE, encodeJson(await createClipTokenizerJson())));

  const manifest: Manifest = {
    formatVersion: BUNDLE_FORMAT_VERSION,
    model: options.model,
    source: { sha256: await options.sourceSha256 },
    target,
    precision,
    config,
    ...(options.licenseAccepted === undefined ? {} : { licenseAccepted: true }),
    ...(options.vocabulary === undefined ? {} : { vocabulary: options.vocabulary }),
    files: Object.fromEntries(written.map(({ name, ...entry }) => [name, entry])),
  };
  await writeFile(folder, MANIFEST_FILE, encodeJson(manifest));
  return manifest;
}

/** Which networks the bundle has, and where their weights come from. */
function sourcesOf({ checkpoint, previewDecoder, config }: CompileOptions) {
  const sources: { component: ComponentName; checkpoint: TensorSource }[] = [];
  for (const component of componentNames) sources.push({ component, checkpoint });
  if (config.safety !== undefined) sources.push({ component: 'safety_checker', checkpoint });
  if (previewDecoder !== undefined) sources.push({ component: 'preview_decoder', checkpoint: previewDecoder });
  return sources;
}

/** What a JSON file of a bundle holds. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}
