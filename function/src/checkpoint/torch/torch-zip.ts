import { type ByteSource, readBytes } from '../byte-source.ts';
import { corruptFile } from '../corrupt-file.ts';
import { unpickle } from '../pickle/unpickle.ts';
import { type CheckpointFile, elementBytes } from '../tensor-source.ts';
import { readZipEntries, type ZipEntry } from '../zip-entries.ts';
import { findStateDict } from './state-dict.ts';
import { createStorageTable } from './storages.ts';
import { createTorchSource } from './torch-source.ts';

/** A full checkpoint's pickle, which holds names and shapes but no numbers, is some 1 MB. */
export const MAX_PICKLE_BYTES = 1 << 25;

/**
 * Reads what `torch.save` has written since PyTorch 1.6: a zip with the pickle `<name>/data.pkl` and a file
 * `<name>/data/<key>` per storage. Closing the result closes `bytes`.
 * @throws FunctionError `model_corrupt` naming the file and, where there is one, the tensor.
 */
export async function readTorchZip(bytes: ByteSource): Promise<CheckpointFile> {
  const entries = await readZipEntries(bytes);
  const root = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name))?.split('/')[0];
  const pickle = entries.get(`${root}/data.pkl`);
  if (pickle === undefined) throw corruptFile(bytes.name, 'it is a zip, but none that PyTorch saved');
  await checkByteOrder(bytes, entries.get(`${root}/byteorder`));
  if (pickle.size > MAX_PICKLE_BYTES) throw corruptFile(bytes.name, 'its pickle is absurdly long');

  const storages = createStorageTable(bytes.name);
  const { value } = unpickle({
    bytes: await readBytes(bytes, pickle.start, pickle.size),
    start: 0,
    fileName: bytes.name,
    loadPersistent: storages.load,
  });
  return createTorchSource({
    bytes,
    format: 'torch-zip',
    stateDict: findStateDict(value, bytes.name),
    locate(storage) {
      const entry = entries.get(`${root}/data/${storage.key}`);
      return entry?.size === storage.rootLength * elementBytes[storage.type] ? entry.start : undefined;
    },
  });
}

async function checkByteOrder(bytes: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (entry === undefined) return; // before PyTorch 2.1
  const order = new TextDecoder().decode(await readBytes(bytes, entry.start, Math.min(entry.size, 16)));
  if (order !== 'little') throw corruptFile(bytes.name, 'its numbers are not little-endian');
}
