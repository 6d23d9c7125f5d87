import type { ByteSource } from '../../../function/src/checkpoint/byte-source.ts';
import { corruptFile } from '../../../function/src/checkpoint/corrupt-file.ts';

/** A file that is in memory only. */
export function memoryBytes(bytes: Uint8Array, name = 'model.ckpt'): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(target, position) {
      if (position + target.length > bytes.length) throw corruptFile(name, 'it ended while it was read');
      target.set(bytes.subarray(position, position + target.length));
    },
    close: async () => {},
  };
}
