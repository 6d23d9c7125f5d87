import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkFiles } from '../../../function/src/bundle/check-files.ts';
import { crc32Hex, describeBytes, fingerprint, MAX_PART_BYTES } from '../../../function/src/bundle/file-entry.ts';
import { manifestSchema } from '../../../function/src/bundle/manifest.ts';
import { openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';

const data = Buffer.from('the quick brown fox jumps over the lazy dog');

describe('what a manifest says of a file', () => {
  test('lists the CRC32 of each part', () => {
    // Python: [f'{zlib.crc32(part):08x}' for part in (data[:20], data[20:40], data[40:])]
    assert.deepEqual(describeBytes(data, 20), {
      bytes: 43,
      partBytes: 20,
      crc32: ['924c25e9', '954b369b', '812c397d'],
    });
    assert.deepEqual(describeBytes(data, 43), { bytes: 43, partBytes: 43, crc32: ['ce0c5114'] });
    assert.deepEqual(describeBytes(data.subarray(0, 0), 43), { bytes: 0, partBytes: 43, crc32: [] });
  });

  test('tells files apart that differ', () => {
    const other = Buffer.from(data);
    other[0] = 0;
    const fingerprints = [data, other, data.subarray(1), Buffer.alloc(0)].map((bytes) =>
      fingerprint(describeBytes(bytes, 20)),
    );
    assert.equal(new Set(fingerprints).size, 4);
    assert.equal(fingerprint(describeBytes(Buffer.from(data), 20)), fingerprints[0]);
  });

  test('an entry whose parts are not the file is refused', async () => {
    const { manifest } = await openEmbeddedBundle();
    const entry = describeBytes(data, 20);
    const parse = (changed: object) => manifestSchema.safeParse({ ...manifest, files: { 'unet.weights': changed } });
    assert.ok(parse(entry).success);
    const wrong = [
      { ...entry, bytes: 61 },
      { ...entry, bytes: 40 },
      { ...entry, bytes: -1 },
      { ...entry, crc32: entry.crc32.slice(1) },
      { ...entry, crc32: entry.crc32.map((checksum) => checksum.slice(1)) },
      { ...entry, partBytes: 0 },
      { bytes: MAX_PART_BYTES * 3, partBytes: MAX_PART_BYTES + 1, crc32: entry.crc32 },
    ];
    for (const changed of wrong) assert.equal(parse(changed).success, false, JSON.stringify(changed));
  });

  test('checking names the part that is damaged, with both checksums', async (t) => {
    const folder = join(await temporaryFolder(t), 'bundle');
    await mkdir(folder);
    const files = { whole: describeBytes(data), parted: describeBytes(data, 20) };
    for (const name of Object.keys(files)) await writeFile(join(folder, name), data);
    await checkFiles(folder, files);
    const damaged = Buffer.from(data);
    damaged[25] = 0;
    await writeFile(join(folder, 'parted'), damaged);
    const found = crc32Hex(damaged.subarray(20, 40));
    await assert.rejects(checkFiles(folder, files), {
      code: 'model_corrupt',
      message: `Model file parted is damaged: part 2 of 3, at byte 20: its CRC32 is ${found}, it should be ${files.parted.crc32[1]}.`,
    });
    await writeFile(join(folder, 'parted'), data.subarray(0, 30));
    await assert.rejects(checkFiles(folder, files), /parted is damaged: part 2 of 3/);
    await writeFile(join(folder, 'whole'), damaged);
    await assert.rejects(checkFiles(folder, files), /whole is damaged: its CRC32 is/);
  });
});
