import { type ByteSource, readBytes } from '../byte-source.ts';
import { corruptFile, printable } from '../corrupt-file.ts';
import { isDict, type PickleValue } from '../pickle/pickle-values.ts';
import { unpickle } from '../pickle/unpickle.ts';
import { type CheckpointFile, elementBytes } from '../tensor-source.ts';
import { findStateDict } from './state-dict.ts';
import { createStorageTable, type StorageTable } from './storages.ts';
import { createTorchSource } from './torch-source.ts';
import { MAX_PICKLE_BYTES } from './torch-zip.ts';

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;

/**
 * Reads what `torch.save` wrote before PyTorch 1.6: five pickles (a magic number, the protocol's version, facts about
 * the machine, the object, the storages' keys), then each storage as its length in 8 bytes and its elements. Only the
 * pickles are held in memory. Closing the result closes `bytes`.
 * @throws FunctionError `model_corrupt` naming the file and, where there is one, the tensor.
 */
export async function readTorchLegacy(bytes: ByteSource): Promise<CheckpointFile> {
  const head = await readBytes(bytes, 0, Math.min(bytes.size, MAX_PICKLE_BYTES));
  const storages = createStorageTable(bytes.name);
  let position = 0;
  const next = (): PickleValue => {
    const { value, end } = unpickle({
      bytes: head,
      start: position,
      fileName: bytes.name,
      loadPersistent: storages.load,
    });
    position = end;
    return value;
  };

  if (next() !== MAGIC_NUMBER || next() !== PROTOCOL_VERSION) {
    throw corruptFile(bytes.name, 'it is a pickle, but none that PyTorch saved');
  }
  const machine = next();
  if (!isDict(machine) || machine.get('little_endian') !== true) {
    throw corruptFile(bytes.name, 'its numbers are not little-endian');
  }
  const stateDict = findStateDict(next(), bytes.name);
  const starts = await locateStorages(bytes, next(), position, storages);
  return createTorchSource({ bytes, format: 'torch-legacy', stateDict, locate: ({ key }) => starts.get(key) });
}

async function locateStorages(
  bytes: ByteSource,
  keys: PickleValue,
  firstPosition: number,
  { roots }: StorageTable,
): Promise<Map<string, number>> {
  const starts = new Map<string, number>();
  let position = firstPosition;
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = typeof key === 'string' ? roots.get(key) : undefined;
    if (storage === undefined || starts.has(storage.key))
      throw corruptFile(bytes.name, 'its list of storages is wrong');
    const length = Number(new DataView((await readBytes(bytes, position, 8)).buffer).getBigInt64(0, true));
    if (length !== storage.rootLength) {
      const problem = `storage ${printable(storage.key)} has ${length} elements where ${storage.rootLength} were announced`;
      throw corruptFile(bytes.name, problem);
    }
    starts.set(storage.key, position + 8);
    position += 8 + length * elementBytes[storage.type];
  }
  if (position !== bytes.size) {
    const problem = `its storages end at byte ${position} but the file has ${bytes.size}: it was cut short or is not whole`;
    throw corruptFile(bytes.name, problem);
  }
  return starts;
}
