import { type ByteSource, openByteSource, readBytes } from './byte-source.ts';
import { corruptFile } from './corrupt-file.ts';
import { readSafetensors } from './safetensors.ts';
import type { CheckpointFile } from './tensor-source.ts';
import { readTorchLegacy } from './torch/torch-legacy.ts';
import { readTorchZip } from './torch/torch-zip.ts';

/**
 * Opens one file of tensors, safetensors or PyTorch's, by what it holds: extensions lie.
 * @param name What messages call it. @defaultValue The last part of the path
 */
export async function openFile(path: string, name?: string): Promise<CheckpointFile> {
  const bytes = await openByteSource(path, name);
  try {
    return await readFile(bytes);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/** As `openFile`, from bytes wherever they are. Closing the result closes them. */
export async function readFile(bytes: ByteSource): Promise<CheckpointFile> {
  if (bytes.size === 0) throw corruptFile(bytes.name, 'it is empty');
  const head = await readBytes(bytes, 0, Math.min(bytes.size, 9));
  if (head[0] === 0x50 && head[1] === 0x4b) return readTorchZip(bytes); // "PK"
  // After a safetensors header's length comes a brace; a pickle's first instruction is PROTO, 0x80.
  if (head[8] !== 0x7b && head[0] === 0x80) return readTorchLegacy(bytes);
  return readSafetensors(bytes);
}
