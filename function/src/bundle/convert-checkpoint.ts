import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ModelInfo } from '@safelight/sdk/contract';
import { createDeltaSource, type WeightedLora, withDeltas } from '../checkpoint/lora/delta-source.ts';
import { readLora } from '../checkpoint/lora/read-lora.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { openFile } from '../checkpoint/open-file.ts';
import { openPreviewDecoder } from '../checkpoint/open-preview-decoder.ts';
import type { CheckpointFile, TensorSource } from '../checkpoint/tensor-source.ts';
import { explainDiskError } from '../disk-errors.ts';
import { FunctionError } from '../errors.ts';
import type { Target } from '../graphs/layers/layers.ts';
import type { ModelConfig } from '../graphs/model-config.ts';
import { compileBundle, resolvePrecision } from './compile.ts';
import { hashCheckpoint } from './hash-checkpoint.ts';
import { hashFiles } from './hash-files.ts';
import type { Manifest, Precision } from './manifest.ts';
import { openRailLicense } from './openrail-license.ts';

import { recordVerified } from './verified-states.ts';

/** A LoRA file, and how strongly it counts in each network. */
export interface LoraToAdd {
  path: string;
  unetWeight: number;
  textEncoderWeight: number;
}

export interface ConvertOptions {
  /** The checkpoint: a `.ckpt` or `.safetensors` file, the index of sharded ones, or a diffusers folder. */
  checkpoint: string;
  /** Name of the model, as callers will ask for it. */
  name: string;
  description?: string;
  /** What pictures are drawn with where nobody says otherwise. @defaultValue the original scripts': 50 steps of PLMS, 7.5 */
  defaults?: Partial<Pick<ModelInfo['defaults'], 'sampler' | 'steps' | 'guidanceScale'>>;
  /** The bundle's folder; must not exist yet. */
  folder: string;
  /** Take the UNet's averaged weights. @defaultValue what the original scripts run */
  ema?: boolean;
  /** A VAE file to take instead of the checkpoint's own. */
  vae?: string;
  /** A file of TAESD's decoder, for `decoder: 'preview'`. @defaultValue none */
  previewDecoder?: string;
  /** A safety checker, file or folder, to take; false to do without. @defaultValue that of a diffusers folder */
  safetyChecker?: string | false;
  /** What the model will run on. @defaultValue `cpu` */
  target?: Target;
  /** What the UNet computes in: `int8` for the CPU only. @defaultValue `fp32`, and for CUDA `fp16` */
  precision?: Precision;
  /** Files of LoRAs to add to the weights, in this order. @defaultValue none */
  loras?: readonly LoraToAdd[];
  onProgress?: (writtenBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

/**
 * Compiles a checkpoint into a bundle of its own. The folder appears whole or not at all; the same checkpoint and options
 * give the same bytes. Call only once the licence has been accepted: the manifest says that it was.
 * @throws FunctionError `invalid_input` for what is no v1 checkpoint, `model_corrupt` for a damaged one, `conflict` when
 * the folder exists, `storage_full`; `invalid_input` too for weights that half precision cannot hold, and a precision that the
 * target does not have.
 */
export async function convertCheckpoint(options: ConvertOptions): Promise<Manifest> {
  const { folder, signal } = options;
  const precision = resolvePrecision(options.target ?? 'cpu', options.precision);
  if (await exists(folder)) {
    throw new FunctionError('conflict', `${folder} exists already: remove it first, or choose another name.`);
  }
  const { ema, vae, safetyChecker } = options;
  const checkpoint = await openCheckpoint(options.checkpoint, { ema, vae, safetyChecker });
  let previewDecoder: TensorSource | undefined;
  const unfinished = `${folder}.${randomBytes(6).toString('hex')}.tmp`;
  const hashing = new AbortController();
  const loraFiles: CheckpointFile[] = [];
  try {
    if (options.previewDecoder !== undefined) {
      previewDecoder = await openPreviewDecoder(options.previewDecoder, checkpoint.config);
    }
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
    const added = await addLoras(checkpoint, options.loras ?? [], loraFiles);
    const sourceSha256 = hashSources(options, AbortSignal.any([hashing.signal, ...(signal ? [signal] : [])]));
    // Its failure is heard where the hash is awaited, which may be after the compiler's own.
    sourceSha256.catch(() => undefined);
    const manifest = await compileBundle(unfinished, {
      checkpoint: added,
      ...(previewDecoder === undefined ? {} : { previewDecoder }),
      sourceSha256,
      model: describeModel(options, checkpoint.config),
      config: checkpoint.config,
      licenseAccepted: true,
      ...(options.target === undefined ? {} : { target: options.target }),
      precision,
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      ...(signal === undefined ? {} : { signal }),
    });
    await rename(unfinished, folder);
    await recordVerified(folder, manifest);
    return manifest;
  } catch (error) {
    hashing.abort();
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
    throw explainDiskError(error, dirname(folder), 'choose another folder with --output');
  } finally {
    await Promise.all([checkpoint, ...loraFiles].map((file) => file.close()));
    await previewDecoder?.close();
  }
}

/** @param files The LoRAs' files are put here as they are opened: they are read when the weights are. */
async function addLoras(
  checkpoint: Checkpoint,
  loras: readonly LoraToAdd[],
  files: CheckpointFile[],
): Promise<TensorSource> {
  if (loras.length === 0) return checkpoint;
  const weighted: WeightedLora[] = [];
  for (const { path, ...weights } of loras) {
    const file = await openFile(path);
    files.push(file);
    weighted.push({ lora: readLora(file, checkpoint.config, file.fileName), ...weights });
  }
  return withDeltas(checkpoint, createDeltaSource(weighted, checkpoint.config));
}

/** What the weights are made from: a checkpoint with LoRAs is another one. */
async function hashSources({ checkpoint, loras = [] }: ConvertOptions, signal: AbortSignal): Promise<string> {
  const sha256 = await hashCheckpoint(checkpoint, signal);
  if (loras.length === 0) return sha256;
  const hashes = await hashFiles(
    loras.map(({ path }) => path),
    signal,
  );
  const added = loras.map(({ unetWeight, textEncoderWeight }, i) => [hashes[i], unetWeight, textEncoderWeight]);
  return createHash('sha256')
    .update(JSON.stringify([sha256, added]))
    .digest('hex');
}

function describeModel({ name, description, defaults }: ConvertOptions, config: ModelConfig): ModelInfo {
  return {
    name,
    version: '1',
    description: description ?? 'A Stable Diffusion v1 model.',
    license: openRailLicense,
    limits: { minSize: 64, maxSize: 1024 },
    defaults: {
      width: config.image_size,
      height: config.image_size,
      steps: 50,
      guidanceScale: 7.5,
      sampler: 'plms',
      ...defaults,
    },
    ...(config.safety === undefined ? {} : { safetyChecker: true }),
  };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
