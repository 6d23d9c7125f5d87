import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkFiles } from '../../../function/src/bundle/check-files.ts';
import { describeBytes, MAX_PART_BYTES } from '../../../function/src/bundle/file-entry.ts';
import { manifestSchema } from '../../../function/src/bundle/manifest.ts';
import { openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';

const data = Buffer.from('the quick brown fox jumps over the lazy dog');
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

describe('what a manifest says of a file', () => {
  test('the checksum of a file with parts is that of their checksums, as S3 composes it', () => {
    const entry = describeBytes(data, 20);
    const parts = [data.subarray(0, 20), data.subarray(20, 40), data.subarray(40)].map(digest);
    assert.deepEqual(entry, {
      bytes: 43,
      sha256: digest(Buffer.concat(parts)).toString('hex'),
      parts: { bytes: 20, sha256: parts.map((part) => part.toString('hex')) },
    });
  });

  test('a file of one part, or of none, is known by its own', () => {
    assert.deepEqual(describeBytes(data, 43), { bytes: 43, sha256: digest(data).toString('hex') });
    assert.deepEqual(describeBytes(data.subarray(0, 0)), { bytes: 0, sha256: digest(Buffer.alloc(0)).toString('hex') });
  });

  test('an entry whose parts are not the file is refused', async () => {
    const { manifest } = await openEmbeddedBundle();
    const entry = describeBytes(data, 20);
    const parse = (changed: object) => manifestSchema.safeParse({ ...manifest, files: { 'unet.weights': changed } });
    assert.ok(parse(entry).success);
    const [first = '', ...others] = entry.parts?.sha256 ?? [];
    const wrong = [
      { ...entry, sha256: first },
      { ...entry, bytes: 61 },
      { ...entry, bytes: 40 },
      { ...entry, parts: { bytes: 20, sha256: others } },
      { ...entry, parts: { bytes: 20, sha256: [...others, first] } },
      { ...entry, bytes: MAX_PART_BYTES * 4, parts: { ...entry.parts, bytes: MAX_PART_BYTES * 2 } },
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
    const found = digest(damaged.subarray(20, 40)).toString('hex');
    await assert.rejects(checkFiles(folder, files), {
      code: 'model_corrupt',
      message: `Model file parted is damaged: part 2 of 3, at byte 20: its sha256 is ${found}, it should be ${files.parted.parts?.sha256[1]}.`,
    });
    await writeFile(join(folder, 'parted'), data.subarray(0, 30));
    await assert.rejects(checkFiles(folder, files), /parted is damaged: part 2 of 3/);
    await writeFile(join(folder, 'whole'), damaged);
    await assert.rejects(checkFiles(folder, files), /whole is damaged: its sha256 is/);
  });
});
