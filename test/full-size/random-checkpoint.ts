import { open } from 'node:fs/promises';
import type { TensorInfo, TensorSource } from '../../function/src/checkpoint/tensor-source.ts';
import { stableDiffusionV1 } from '../../function/src/graphs/model-config.ts';
import { buildTextEncoder } from '../../function/src/graphs/text-encoder.ts';
import { buildUnet } from '../../function/src/graphs/unet.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../../function/src/graphs/vae.ts';
import { fillUniform } from './random-values.ts';

/** Raised with the recipe, so that goldens and bundles of another recipe are not mistaken for this one's. */
export const RECIPE_VERSION = 1;

/**
 * A Stable Diffusion v1 checkpoint of random weights at full size, 1.07 billion of them, in CompVis' layout. Weights are
 * computed when they are read: nothing is stored.
 *
 * Scales keep activations near unit variance through the depth of the networks, and attention neither flat nor
 * saturated, so that a relative error of the outputs means something.
 */
export function createRandomCheckpoint(): TensorSource {
  const tensors = new Map(listTensors().map((tensor) => [tensor.name, tensor]));
  return {
    tensors,
    async readFloat32(name, run) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new Error(`The random checkpoint has no tensor ${name}`);
      const { start, target } = run ?? { start: 0, target: new Float32Array(tensor.byteLength / 4) };
      fillUniform(name, target, { ...distribution(tensor), start });
      return target;
    },
    close: async () => undefined,
  };
}

/** Writes a checkpoint as a `.safetensors` file, 4.3 GB, one tensor in memory at a time. */
export async function writeSafetensors(checkpoint: TensorSource, path: string): Promise<void> {
  const entries: Record<string, object> = {};
  let end = 0;
  for (const { name, shape, byteLength } of checkpoint.tensors.values()) {
    entries[name] = { dtype: 'F32', shape, data_offsets: [end, end + byteLength] };
    end += byteLength;
  }
  const json = JSON.stringify(entries);
  const header = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8));
  const headerLength = new Uint8Array(8);
  new DataView(headerLength.buffer).setBigUint64(0, BigInt(header.byteLength), true);

  const file = await open(path, 'w');
  try {
    await file.writeFile(headerLength);
    await file.writeFile(header);
    for (const name of checkpoint.tensors.keys()) {
      const { buffer, byteOffset, byteLength } = await checkpoint.readFloat32(name);
      await file.writeFile(new Uint8Array(buffer, byteOffset, byteLength));
    }
  } finally {
    await file.close();
  }
}

/** Every tensor the graphs ask for. That the originals ask for the same is checked when the goldens are made. */
function listTensors(): TensorInfo[] {
  const { text, unet, vae } = stableDiffusionV1;
  const graphs = [buildTextEncoder(text), buildUnet(unet), buildVaeDecoder(vae), buildVaeEncoder(vae)];
  return graphs
    .flatMap(({ weights }) => weights.flatMap(({ sources }) => sources))
    .map(({ name, shape }) => ({
      name,
      type: 'F32',
      shape,
      byteLength: 4 * shape.reduce((product, dim) => product * dim, 1),
    }));
}

function distribution({ name, shape }: TensorInfo): { scale: number; offset: number } {
  if (name.endsWith('.bias')) return { scale: 0.1, offset: 0 };
  if (shape.length === 1) return { scale: 0.2, offset: 1 }; // the weight of a norm
  if (name.includes('_embedding.')) return { scale: 0.5, offset: 0 };
  const [, ...incoming] = shape;
  const fanIn = incoming.reduce((product, dim) => product * dim, 1);
  // √3: a uniform number in [-1, 1) has variance 1/3.
  return { scale: gain(name, shape) * Math.sqrt(3 / fanIn), offset: 0 };
}

/** Standard deviation of a layer's output for an input of unit variance. */
function gain(name: string, shape: readonly number[]): number {
  // Attention scores of standard deviation 2: a query looks at some places more than at others.
  if (/\.(to_q|to_k|q_proj|k_proj|q|k)\.weight$/.test(name)) return 1.5;
  // What attention averages away is given back.
  if (/\.(to_out\.0|out_proj)\.weight$/.test(name)) return 2;
  // These follow a SiLU, which leaves 0.36 of the variance.
  return shape[2] === 3 ? 1.5 : 1;
}
