import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

/**
 * WebCrypto takes digests on another thread, in real time: a fake clock that jumps meanwhile would have them time out.
 * From here on this process takes them at once.
 */
export function digestAtOnce(): void {
  crypto.subtle.digest = async (algorithm, data) => {
    assert.equal(algorithm, 'SHA-256');
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    return new Uint8Array(createHash('sha256').update(bytes).digest()).buffer;
  };
}
