import { FunctionError } from '../errors.ts';
import type { ModelConfig } from '../graphs/model-config.ts';
import { buildPreviewDecoder } from '../graphs/preview-decoder.ts';
import { corruptFile, printable } from './corrupt-file.ts';
import { openFile } from './open-file.ts';
import type { CheckpointFile, TensorInfo, TensorSource } from './tensor-source.ts';

/** How many places before its own diffusers counts a layer: it leaves out the first, which has no weights. */
const namings: readonly (readonly [pattern: RegExp, offset: number])[] = [
  [/^decoder\.layers\.(\d{1,2})\.(.+)$/, 1],
  [/^(?:decoder\.)?(\d{1,2})\.(.+)$/, 0],
];

/**
 * Opens a decoder of TAESD: `taesd_decoder.pth` or `.safetensors` as its authors name tensors, or diffusers'
 * `AutoencoderTiny`. What else the file holds, such as the encoder, is left alone.
 * @param config Of the model that it is to decode for.
 * @throws FunctionError `invalid_input` for a file that holds none, or one for latents of another kind; `model_corrupt` for a
 * damaged file.
 */
export async function openPreviewDecoder(path: string, config: ModelConfig): Promise<TensorSource> {
  const file = await openFile(path);
  try {
    return createSource(file, config);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function createSource(file: CheckpointFile, config: ModelConfig): TensorSource {
  const named = new Map<string, TensorInfo>();
  for (const info of file.tensors.values()) {
    const name = canonicalName(info.name);
    if (name !== undefined) named.set(name, info);
  }
  const tensors = new Map<string, TensorInfo>();
  for (const { name, shape } of buildPreviewDecoder(config.vae).weights) {
    const found = named.get(name);
    if (found === undefined) throw refuse(file, `it lacks ${printable(name)}`);
    if (found.shape.join() !== shape.join()) {
      throw refuse(file, `${printable(found.name)} has the shape [${found.shape}] where it should have [${shape}]`);
    }
    tensors.set(name, { ...found, name });
  }
  return {
    tensors,
    async readFloat32(name, run) {
      const info = tensors.has(name) ? named.get(name) : undefined;
      if (info === undefined) throw corruptFile(file.fileName, `it has no tensor ${printable(name)}`);
      return file.readFloat32(info.name, run);
    },
    close: () => file.close(),
  };
}

function canonicalName(name: string): string | undefined {
  for (const [pattern, offset] of namings) {
    const [, place, rest] = pattern.exec(name) ?? [];
    if (place !== undefined) return `taesd_decoder.${Number(place) + offset}.${rest}`;
  }
  return undefined;
}

function refuse({ fileName }: CheckpointFile, problem: string): FunctionError {
  return new FunctionError('invalid_input', `${fileName} is no TAESD decoder for Stable Diffusion v1: ${problem}.`);
}
