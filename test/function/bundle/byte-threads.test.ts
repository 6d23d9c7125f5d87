import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type ByteThreads, startByteThreads } from '../../../function/src/bundle/byte-threads.ts';
import { crc32Hex } from '../../../function/src/bundle/file-entry.ts';
import { hashFiles } from '../../../function/src/bundle/hash-files.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';

function start(t: TestContext, count?: number): ByteThreads {
  const threads = startByteThreads(count);
  t.after(() => threads.close());
  return threads;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function shared(text: string) {
  const bytes = new Uint8Array(new SharedArrayBuffer(text.length));
  bytes.set(Buffer.from(text));
  return bytes;
}

describe('threads for bytes', () => {
  test('compute checksums of memory, files and runs of files, and write at a position', async (t) => {
    const path = join(await temporaryFolder(t), 'file');
    await writeFile(path, '0123456789');
    const file = await open(path, 'r+');
    t.after(() => file.close());
    for (const threads of [start(t), start(t, 3)]) {
      const answers = await Promise.all([
        threads.crc32(shared('abc')),
        threads.crc32OfRange(file.fd, 2, 3),
        threads.crc32OfRange(file.fd, 8, 100),
        threads.crc32(shared('')),
        threads.sha256OfRange(file.fd, 2, 3),
        threads.sha256OfFile(path),
      ]);
      const checksums = ['abc', '234', '89', ''].map((text) => crc32Hex(Buffer.from(text)));
      assert.deepEqual(answers, [...checksums, sha256('234'), sha256('0123456789')]);
    }
    const [threads] = [start(t)];
    await threads.write(shared('four'), file.fd, 4);
    assert.equal(await readFile(path, 'utf8'), '0123four89');
  });

  test('fail with what went wrong, then and later', async (t) => {
    const full = await open('/dev/full', 'w');
    t.after(() => full.close());
    const threads = start(t);
    await assert.rejects(threads.write(shared('x'), full.fd, 0), { code: 'ENOSPC' });
    await assert.rejects(threads.crc32(shared('x')), { code: 'ENOSPC' });
  });

  test('answer nothing once they are closed, and do not hang', async (t) => {
    const threads = start(t);
    const waiting = threads.sha256OfFile('/dev/zero');
    const ended = assert.rejects(waiting, /ended before it answered/);
    await threads.close();
    await ended;
    await assert.rejects(threads.crc32(shared('x')), /ended before it answered/);
  });

  test('an abort ends the hashing of files with its reason', async () => {
    const controller = new AbortController();
    const hashing = hashFiles(['/dev/zero'], controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(hashing, /enough/);
    await assert.rejects(hashFiles(['/dev/zero'], AbortSignal.abort(new Error('early'))), /early/);
  });
});
