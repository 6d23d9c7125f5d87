import { corruptFile, printable } from '../corrupt-file.ts';
import { isGlobal, isIndex, type PickleValue, type StorageReference } from '../pickle/pickle-values.ts';
import type { ElementType } from '../tensor-source.ts';

/** PyTorch's names for what a storage holds. */
const storageTypes: ReadonlyMap<string, ElementType> = new Map([
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.DoubleStorage', 'F64'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
  ['torch.storage.UntypedStorage', 'U8'],
  ['torch.storage._UntypedStorage', 'U8'],
]);

/** The storages a pickle refers to, as it is read. */
export interface StorageTable {
  /** One reference per storage, by key. */
  readonly roots: ReadonlyMap<string, StorageReference>;
  /** What stands in the pickle for a persistent id: a storage or, in old files, a class with its source code. */
  load(id: PickleValue): PickleValue;
}

export function createStorageTable(fileName: string): StorageTable {
  const roots = new Map<string, StorageReference>();
  return {
    roots,
    load(id) {
      // ('module', class, path, source code): the class is all that the pickle goes on to use.
      if (Array.isArray(id) && id[0] === 'module' && isGlobal(id[1])) return id[1];
      const storage = parseStorage(id, fileName);
      const known = roots.get(storage.key);
      if (known === undefined) {
        roots.set(storage.key, storage);
      } else if (known.type !== storage.type || known.rootLength !== storage.rootLength) {
        throw corruptFile(fileName, `it describes storage ${printable(storage.key)} in two ways`);
      }
      return storage;
    },
  };
}

/** `('storage', type, key, device, length)`, and in old files a view: `(key of the view, start, length)` or None. */
function parseStorage(id: PickleValue, fileName: string): StorageReference {
  const [kind, typeName, key, , rootLength, part = null] = Array.isArray(id) ? id : [];
  if (kind !== 'storage' || !isGlobal(typeName) || typeof key !== 'string' || !isIndex(rootLength)) {
    throw corruptFile(fileName, 'its pickle has a malformed storage');
  }
  const type = storageTypes.get(typeName.name);
  if (type === undefined) {
    throw corruptFile(fileName, `its pickle has a storage of the unknown type ${printable(typeName.name)}`);
  }
  const [, start, length] = part === null ? [null, 0, rootLength] : Array.isArray(part) ? part : [];
  if (!isIndex(start) || !isIndex(length) || start + length > rootLength) {
    throw corruptFile(fileName, `its view of storage ${printable(key)} is out of range`);
  }
  return { kind: 'storage', key, type, rootLength, start, length };
}
