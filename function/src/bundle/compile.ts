import { mkdir } from 'node:fs/promises';
import type { TensorSource } from '../checkpoint/tensor-source.ts';
import type { Graph } from '../graphs/graph-builder.ts';
import type { ModelConfig } from '../graphs/model-config.ts';
import { buildTextEncoder } from '../graphs/text-encoder.ts';
import { buildUnet } from '../graphs/unet.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../graphs/vae.ts';
import { createClipTokenizerJson } from '../pipeline/tokenizer.ts';
import {
  BUNDLE_FORMAT_VERSION,
  type ComponentName,
  componentNames,
  MANIFEST_FILE,
  type Manifest,
  TOKENIZER_FILE,
} from './manifest.ts';
import { type WrittenFile, writeComponent, writeFile } from './write-component.ts';

export interface CompileOptions {
  checkpoint: TensorSource;
  /** sha256 of the checkpoint file, recorded in the manifest. */
  sourceSha256: string;
  model: Manifest['model'];
  config: ModelConfig;
  vocabulary?: string[];
  signal?: AbortSignal;
}

const buildGraph: Record<ComponentName, (config: ModelConfig) => Graph> = {
  text_encoder: (config) => buildTextEncoder(config.text),
  unet: (config) => buildUnet(config.unet),
  vae_decoder: (config) => buildVaeDecoder(config.vae),
  vae_encoder: (config) => buildVaeEncoder(config.vae),
};

/**
 * Compiles a checkpoint into a bundle: graphs, weights ready to be mapped into memory, tokenizer, and the manifest last,
 * so that a folder with a manifest is whole. The same checkpoint gives the same bytes.
 * @param folder Created; must not exist yet.
 * @throws FunctionError `model_corrupt` naming the tensor that is missing or has another shape.
 */
export async function compileBundle(folder: string, options: CompileOptions): Promise<Manifest> {
  await mkdir(folder, { recursive: false, mode: 0o700 });
  const written: WrittenFile[] = [];
  for (const component of componentNames) {
    options.signal?.throwIfAborted();
    written.push(
      ...(await writeComponent(folder, component, buildGraph[component](options.config), options.checkpoint)),
    );
  }
  written.push(await writeFile(folder, TOKENIZER_FILE, [encodeJson(createClipTokenizerJson())]));

  const manifest: Manifest = {
    formatVersion: BUNDLE_FORMAT_VERSION,
    model: options.model,
    source: { sha256: options.sourceSha256 },
    target: 'cpu',
    precision: 'fp32',
    config: options.config,
    ...(options.vocabulary === undefined ? {} : { vocabulary: options.vocabulary }),
    files: Object.fromEntries(written.map(({ name, bytes, sha256 }) => [name, { bytes, sha256 }])),
  };
  await writeFile(folder, MANIFEST_FILE, [encodeJson(manifest)]);
  return manifest;
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}
