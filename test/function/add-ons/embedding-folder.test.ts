import assert from 'node:assert/strict';
import { chmod, copyFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAddOnFolder } from '../../../function/src/add-ons/add-on-folder.ts';
import { createEmbeddingFolder } from '../../../function/src/add-ons/embedding-folder.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { encodeSafetensors, floats } from '../checkpoint/checkpoint-writer.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/embeddings');
const encode = (...values: number[]) => encodeSafetensors(new Map([['emb_params', floats([values.length], values)]]));

test('embeddings have the names of their files; safetensors come before pickles', async (t) => {
  const folder = await temporaryFolder(t);
  await copyFile(join(fixtures, 'a1111.pt'), join(folder, 'bad hands.pt'));
  await writeFile(join(folder, 'bad hands.safetensors'), encode(1, 2));
  await copyFile(join(fixtures, 'diffusers.bin'), join(folder, 'CAT.bin'));
  await writeFile(join(folder, 'preview.png'), '');
  const entries = await createEmbeddingFolder(createAddOnFolder(folder)).read();
  assert.deepEqual(
    entries.map((entry) => [entry.name, 'vectors' in entry ? entry.vectors.length : entry.problem]),
    [
      ['CAT', 1],
      ['bad hands', 1],
    ],
  );
});

test('a file that cannot be used is listed with what is wrong, without its path, and disturbs no other', async (t) => {
  const folder = await temporaryFolder(t);
  await copyFile(join(fixtures, 'a1111.pt'), join(folder, 'good.pt'));
  await writeFile(join(folder, 'bad.pt'), 'nonsense');
  const [bad, good] = await createEmbeddingFolder(createAddOnFolder(folder)).read();
  assert.ok(good !== undefined && 'vectors' in good);
  assert.ok(bad !== undefined && 'problem' in bad);
  assert.match(bad.problem, /^bad\.pt cannot be read: /);
  assert.ok(!bad.problem.includes(folder));
});

test('a file that may not be opened says so, without its path', { skip: process.getuid?.() === 0 }, async (t) => {
  const folder = await temporaryFolder(t);
  await copyFile(join(fixtures, 'a1111.pt'), join(folder, 'closed.pt'));
  await chmod(join(folder, 'closed.pt'), 0);
  assert.deepEqual(await createEmbeddingFolder(createAddOnFolder(folder)).read(), [
    { name: 'closed', problem: 'its file cannot be read: check its permissions.' },
  ]);
});

test('what is put into the folder, changed or taken out counts at once; the rest is not read again', async (t) => {
  const folder = await temporaryFolder(t);
  const embeddings = createEmbeddingFolder(createAddOnFolder(folder));
  const names = async () => (await embeddings.read()).map(({ name }) => name);
  assert.deepEqual(await names(), []);
  await writeFile(join(folder, 'a.safetensors'), encode(1));
  await writeFile(join(folder, 'b.safetensors'), encode(2));
  assert.deepEqual(await names(), ['a', 'b']);
  const [a, b] = await embeddings.read();
  await writeFile(join(folder, 'b.safetensors'), encode(3));
  await utimes(join(folder, 'b.safetensors'), 1000, 1000);
  const [sameA, newB] = await embeddings.read();
  assert.equal(sameA, a);
  assert.notEqual(newB, b);
  assert.ok(newB !== undefined && 'vectors' in newB);
  assert.deepEqual(newB.vectors, [Float32Array.of(3)]);
  await rm(join(folder, 'a.safetensors'));
  assert.deepEqual(await names(), ['b']);
});

test('no folder is no embeddings', async (t) => {
  assert.deepEqual(await createEmbeddingFolder(createAddOnFolder(join(await temporaryFolder(t), 'none'))).read(), []);
});
