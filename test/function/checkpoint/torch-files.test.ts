import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openFile } from '../../../function/src/checkpoint/open-file.ts';
import { corruptWith } from './corrupt-with.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/checkpoints');

/** 0, 0.25, 0.5, …: what the script counts into every tensor. */
const ramp = (count: number, start = 0) => Array.from({ length: count }, (_, i) => (start + i) / 4);

const expectedTypes: Record<string, string> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  f64: 'F64',
  i64: 'I64',
  i32: 'I32',
  i16: 'I16',
  i8: 'I8',
  u8: 'U8',
  bool: 'BOOL',
  scalar: 'F32',
  empty: 'F32',
  parameter: 'F32',
};

/** Of a ramp of four rows of six: its transpose, its second row, its third column, a window. */
const expectedViews: Record<string, [shape: number[], values: number[]]> = {
  transposed: [[6, 4], [0, 1, 2, 3, 4, 5].flatMap((column) => [0, 6, 12, 18].map((row) => (row + column) / 4))],
  row: [[6], ramp(6, 6)],
  column: [[4], [0.5, 2, 3.5, 5]],
  window: [
    [2, 3],
    [2, 2.25, 2.5, 3.5, 3.75, 4],
  ],
  channels_last: [[2, 3, 2, 2], ramp(24)],
  half_transposed: [
    [3, 2],
    [0, 0.75, 0.25, 1, 0.5, 1.25],
  ],
  long_transposed: [
    [3, 2],
    [0, 0.75, 0.25, 1, 0.5, 1.25],
  ],
  shared_head: [[4], ramp(4)],
  shared_tail: [[4], ramp(4, 4)],
  shared_again: [[8], ramp(8)],
  tied: [[8], ramp(8)],
  one_place: [[4, 1], ramp(4)],
};

for (const version of ['torch-1.13', 'torch-2.9']) {
  for (const format of ['zip', 'legacy'] as const) {
    const openFixture = (name: string) => openFile(join(fixtures, version, `${name}.${format}.ckpt`));

    describe(`${version}, ${format} format`, () => {
      test('every floating-point type becomes float32; other types are listed', async () => {
        const file = await openFixture('dtypes');
        assert.equal(file.format, `torch-${format}`);
        const types = [...file.tensors.values()].map(({ name, type }) => [name, type]);
        assert.deepEqual(Object.fromEntries(types), expectedTypes);
        for (const name of ['f32', 'f16', 'bf16', 'f64']) {
          assert.deepEqual([...(await file.readFloat32(name))], ramp(6), name);
          assert.deepEqual(file.tensors.get(name)?.shape, [2, 3]);
        }
        assert.deepEqual([...(await file.readFloat32('parameter'))], ramp(4));
        assert.deepEqual([...(await file.readFloat32('scalar'))], [0.75]);
        assert.deepEqual([...(await file.readFloat32('empty'))], []);
        await assert.rejects(file.readFloat32('i64'), corruptWith(/dtypes.*tensor i64 holds I64/));
        await assert.rejects(file.readFloat32('other'), corruptWith(/no tensor other/));
        await file.close();
      });

      test('views and shared storages are read in the order of their elements', async () => {
        const file = await openFixture('views');
        for (const [name, [shape, values]] of Object.entries(expectedViews)) {
          assert.deepEqual(file.tensors.get(name)?.shape, shape, name);
          assert.deepEqual([...(await file.readFloat32(name))], values, name);
          const target = new Float32Array(2);
          for (let start = 0; start + 2 <= values.length; start += 1) {
            await file.readFloat32(name, { start, target });
            assert.deepEqual([...target], values.slice(start, start + 2), `${name} from ${start}`);
          }
        }
        await assert.rejects(file.readFloat32('expanded'), corruptWith(/expanded repeats its elements/));
        await file.close();
      });

      test("a module's state dict is read past its metadata", async () => {
        const file = await openFixture('module');
        assert.deepEqual([...(await file.readFloat32('norm.weight'))], ramp(2));
        await file.close();
      });

      for (const [name, nesting] of [
        ['lightning', ['state_dict']],
        ['nested', ['state_dict', 'state_dict']],
        ['other-key', ['model']],
      ] as const) {
        test(`weights are found in ${name}, and nothing but weights`, async () => {
          const file = await openFixture(name);
          assert.deepEqual(file.nesting, nesting);
          assert.deepEqual([...file.tensors.keys()], ['weight', 'bias']);
          assert.deepEqual([...(await file.readFloat32('weight'))], ramp(6));
          assert.deepEqual([...(await file.readFloat32('bias'))], ramp(3));
          await file.close();
        });
      }

      test('weights that are not finite are refused by name and place', async () => {
        const file = await openFixture('not-finite');
        assert.deepEqual([...(await file.readFloat32('fine'))], ramp(2));
        await assert.rejects(file.readFloat32('nan'), corruptWith(/not-finite.*tensor nan holds NaN at element 1/));
        await assert.rejects(file.readFloat32('inf'), corruptWith(/tensor inf holds Infinity at element 0/));
        await file.close();
      });

      test('a pickle that calls os.system is refused by name', async () => {
        await assert.rejects(openFixture('os-system'), corruptWith(/os-system.*calls posix\.system, which is refused/));
      });

      test('an object of a class is refused by name', async () => {
        await assert.rejects(openFixture('whole-module'), corruptWith(/calls __main__\.Module, which is refused/));
      });
    });
  }

  test(`${version}: pickle protocol 4 is read`, async () => {
    const file = await openFile(join(fixtures, version, 'protocol-4.zip.ckpt'));
    assert.deepEqual([...(await file.readFloat32('weight'))], ramp(6));
    await file.close();
  });

  test(`${version}: a file without a dictionary is refused`, async () => {
    await assert.rejects(openFile(join(fixtures, version, 'list.zip.ckpt')), corruptWith(/no dictionary of tensors/));
  });
}
