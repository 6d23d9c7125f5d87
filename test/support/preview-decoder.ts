import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stableDiffusionV1 } from '../../function/src/graphs/model-config.ts';
import { buildPreviewDecoder } from '../../function/src/graphs/preview-decoder.ts';
import { uniformValues } from '../full-size/random-values.ts';
import { encodeSafetensors, type floats } from '../function/checkpoint/checkpoint-writer.ts';

export interface PreviewDecoderOptions {
  /** Whose names the tensors have. @defaultValue `taesd` */
  naming?: 'taesd' | 'diffusers';
  /** Leaves a tensor out, or gives it another shape. */
  change?: (name: string, shape: readonly number[]) => readonly number[] | undefined;
}

/** Writes a decoder of TAESD with the random weights of its golden. @returns The file. */
export async function writePreviewDecoder(folder: string, options: PreviewDecoderOptions = {}): Promise<string> {
  const { naming = 'taesd', change = (_, shape) => shape } = options;
  const tensors = new Map<string, ReturnType<typeof floats>>();
  for (const { name, shape } of buildPreviewDecoder(stableDiffusionV1.vae).weights) {
    const changed = change(name, shape);
    if (changed === undefined) continue;
    const count = changed.reduce((product, dim) => product * dim, 1);
    const inputs = shape.slice(1).reduce((product, dim) => product * dim, 1);
    const scale = name.endsWith('.weight') ? Math.sqrt(3 / inputs) : 0.1;
    const bytes = new Uint8Array(uniformValues(name, count, scale).buffer);
    const [, place = '', rest = ''] = /^taesd_decoder\.(\d+)\.(.+)$/.exec(name) ?? [];
    const ownName = naming === 'taesd' ? `${place}.${rest}` : `decoder.layers.${Number(place) - 1}.${rest}`;
    tensors.set(ownName, { type: 'F32', shape: changed, bytes });
  }
  const path = join(folder, 'taesd_decoder.safetensors');
  await writeFile(path, encodeSafetensors(tensors));
  return path;
}
