import { createHash } from 'node:crypto';
import { openByteSource, readBytes } from '../checkpoint/byte-source.ts';
import { readFile } from '../checkpoint/open-file.ts';
import type { CheckpointFile, TensorInfo } from '../checkpoint/tensor-source.ts';
import { FunctionError } from '../errors.ts';
import { CHUNK_TOKENS } from '../pipeline/prompt/chunks.ts';
import type { Embedding } from '../pipeline/prompt/embeddings.ts';
import type { AddOn } from './add-on-folder.ts';

/** What embeddings are kept in, the preferred kind first: of two files of one name it counts. */
export const embeddingExtensions = ['.safetensors', '.pt', '.bin'];

/** An embedding of 75 vectors has 230 kB; a file may keep more than the numbers, but no model. */
const MAX_FILE_BYTES = 1 << 24;

/** Widths of other text encoders than Stable Diffusion v1's, which is 768. */
const otherModels: ReadonlyMap<number | undefined, string> = new Map([
  [1024, 'Stable Diffusion 2'],
  [1280, 'Stable Diffusion XL'],
  [2048, 'Stable Diffusion XL'],
]);

/**
 * Reads a textual inversion embedding: what A1111 saves (`string_to_param`), diffusers (one tensor under the token), or
 * kohya-ss (`emb_params`), pickled or as safetensors.
 * @throws FunctionError `model_corrupt` for a damaged or hostile file; `invalid_input` for what is no embedding of Stable
 * Diffusion v1, which the message names.
 */
export async function readEmbedding({ name, path }: AddOn): Promise<Embedding> {
  const bytes = await openByteSource(path);
  try {
    if (bytes.size > MAX_FILE_BYTES) throw refuse(bytes.name, 'is too large for an embedding');
    const sha256 = createHash('sha256')
      .update(await readBytes(bytes, 0, bytes.size))
      .digest('hex');
    const file = await readFile(bytes);
    const { tensor, width } = findVectors(file);
    const values = await file.readFloat32(tensor.name);
    const vectors = Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
    return { name, sha256, vectors };
  } finally {
    await bytes.close();
  }
}

/** The file's one tensor, [vectors, width] or [width]. */
function findVectors({ fileName, tensors }: CheckpointFile): { tensor: TensorInfo; width: number } {
  if (tensors.has('clip_g')) throw refuse(fileName, 'is an embedding of Stable Diffusion XL, not v1');
  const [tensor, ...others] = tensors.values();
  if (tensor === undefined || others.length > 0) {
    throw refuse(fileName, `holds ${tensors.size} tensors: it is no embedding, which is one`);
  }
  const { shape } = tensor;
  const width = shape.at(-1);
  const model = otherModels.get(width);
  if (model !== undefined) throw refuse(fileName, `is an embedding of ${model}, not v1: its width is ${width}`);
  const [count] = shape.length === 1 ? [1] : shape;
  const isTable = shape.length === 1 || shape.length === 2;
  if (!isTable || !width || !count) throw refuse(fileName, `holds a tensor of shape [${shape}]: it is no embedding`);
  if (count > CHUNK_TOKENS) {
    throw refuse(fileName, `holds ${count} vectors; a text encoder sees ${CHUNK_TOKENS} at once`);
  }
  return { tensor, width };
}

function refuse(fileName: string, problem: string): FunctionError {
  return new FunctionError('invalid_input', `${fileName} ${problem}.`);
}
