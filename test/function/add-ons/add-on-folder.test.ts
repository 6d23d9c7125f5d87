import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { listAddOns, nameAddOns } from '../../../function/src/add-ons/add-on-folder.ts';

describe('a folder of add-ons', () => {
  let root: string;
  let folder: string;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'safelight-add-ons-'));
    folder = join(root, 'loras');
    await mkdir(join(folder, 'styles'), { recursive: true });
    await mkdir(join(root, 'elsewhere'));
    await mkdir(join(folder, 'folder.pt'));
    const files = [
      'loras/b.safetensors',
      'loras/styles/a.v1.safetensors',
      'loras/b.pt',
      'loras/CAPITALS.SAFETENSORS',
      'loras/notes.txt',
      'loras/.hidden.pt',
      'loras/styles/b.safetensors',
      'secret.safetensors',
      'elsewhere/inside.safetensors',
    ];
    for (const file of files) await writeFile(join(root, file), '');
    await symlink(join(root, 'elsewhere/inside.safetensors'), join(folder, 'linked.safetensors'));
    await symlink(join(root, 'elsewhere'), join(folder, 'linked-folder'));
  });
  after(() => rm(root, { recursive: true }));

  test('names files without their extensions, in subfolders too, and follows links to files only', async () => {
    const addOns = await listAddOns(folder, ['.safetensors', '.pt']);
    assert.deepEqual([...addOns.keys()], ['CAPITALS', 'a.v1', 'b', 'linked']);
    assert.equal(addOns.get('a.v1')?.path, join(folder, 'styles/a.v1.safetensors'));
  });

  test('prefers the earlier extension, then the earlier path', async () => {
    const preferSafetensors = await listAddOns(folder, ['.safetensors', '.pt']);
    assert.equal(preferSafetensors.get('b')?.path, join(folder, 'b.safetensors'));
    const preferPickles = await listAddOns(folder, ['.pt', '.safetensors']);
    assert.equal(preferPickles.get('b')?.path, join(folder, 'b.pt'));
  });

  test('has no name that leads out of the folder', async () => {
    const addOns = await listAddOns(folder, ['.safetensors']);
    for (const name of ['../secret', '..', '/etc/passwd', 'styles/b', join(root, 'secret')]) {
      assert.equal(addOns.get(name), undefined);
    }
  });

  test('is empty where there is no folder, and says so where it cannot be read', async () => {
    assert.equal((await listAddOns(join(root, 'none'), ['.pt'])).size, 0);
    await assert.rejects(listAddOns(join(root, 'secret.safetensors'), ['.pt']), { code: 'unavailable' });
  });

  test('messages name a few', () => {
    assert.equal(nameAddOns(['a', 'b']), 'a, b');
    assert.equal(nameAddOns([]), '');
    const many = Array.from({ length: 23 }, (_, i) => `n${i}`);
    assert.match(nameAddOns(many), /n19 and 3 more$/);
  });
});
