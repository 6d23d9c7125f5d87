import { modelInfoSchema } from '@safelight/sdk/contract';
import * as z from 'zod/mini';
import { modelConfigSchema } from '../graphs/model-config.ts';
import { isConsistent, MAX_PART_BYTES } from './file-entry.ts';

/** Raised whenever the same checkpoint would compile to other files: older bundles are then compiled again. */
export const BUNDLE_FORMAT_VERSION = 10;

const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
/** A name inside the bundle's folder: no separators, so a manifest cannot point elsewhere. */
const fileName = z.string().check(z.regex(/^[a-z0-9][a-z0-9_.]{0,63}$/));

const fileEntry = z
  .object({
    bytes: z.number().check(z.int(), z.nonnegative()),
    partBytes: z.number().check(z.int(), z.positive(), z.maximum(MAX_PART_BYTES)),
    crc32: z.array(z.string().check(z.regex(/^[0-9a-f]{8}$/))),
  })
  .check(z.refine(isConsistent, 'These are not the parts of the file'));

/** The networks that every model has. */
export const componentNames = ['text_encoder', 'unet', 'vae_decoder', 'vae_encoder'] as const;
/** What a bundle may have besides. */
export const optionalComponentNames = ['preview_decoder', 'safety_checker'] as const;
export type ComponentName = (typeof componentNames)[number] | (typeof optionalComponentNames)[number];
/** A graph of a bundle: a network's own, or another one over some of its weights. */
export type GraphName = ComponentName | 'unet_shallow';

export const manifestSchema = z.object({
  formatVersion: z.literal(BUNDLE_FORMAT_VERSION),
  /** What people, and the API's callers, are told about the model. */
  model: modelInfoSchema,
  /** The checkpoint this was compiled from. */
  source: z.object({ sha256 }),
  /** Present where converting a checkpoint asked for it: the licence of `model` was accepted. */
  licenseAccepted: z.optional(z.literal(true)),
  /** The provider whose operators the graphs use. */
  target: z.enum(['cpu', 'cuda']),
  /** What the UNet computes in; the other networks of `int8` are in float32. */
  precision: z.enum(['fp32', 'fp16', 'int8']),
  config: modelConfigSchema,
  /** Lower-case words the model was trained on, where that is a closed list. */
  vocabulary: z.optional(z.array(z.string())),
  /** Every file of the bundle but this one. */
  files: z.record(fileName, fileEntry),
});
export type Manifest = z.infer<typeof manifestSchema>;
export type Precision = Manifest['precision'];

export const MANIFEST_FILE = 'manifest.json';
export const TOKENIZER_FILE = 'tokenizer.json';
export const graphFile = (graph: GraphName) => `${graph}.onnx`;
export const hasComponent = ({ files }: Pick<Manifest, 'files'>, component: ComponentName) =>
  Object.hasOwn(files, graphFile(component));
/** The file that a graph's weights are in: that of the UNet for its shallow part. */
export const weightsFile = (graph: GraphName) => `${graph === 'unet_shallow' ? 'unet' : graph}.weights`;
