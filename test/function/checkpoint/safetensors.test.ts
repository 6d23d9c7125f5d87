import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openSafetensors } from '../../../function/src/checkpoint/safetensors.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { corruptWith } from './corrupt-with.ts';

type Header = Record<string, unknown>;

/** A file of the format, from any header, valid or not. */
function encode(header: Header | string, data: Uint8Array = new Uint8Array()): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

async function openBytes(t: TestContext, bytes: Uint8Array) {
  const path = join(await temporaryFolder(t), 'model.safetensors');
  await writeFile(path, bytes);
  return openSafetensors(path);
}

const tensor = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('reading tensors', () => {
  const cases: [string, Uint8Array, number[]][] = [
    ['F32', new Uint8Array(Float32Array.of(1.5, -2, 0.1).buffer), [1.5, -2, Math.fround(0.1)]],
    ['F64', new Uint8Array(Float64Array.of(1.5, -2, 0.1).buffer), [1.5, -2, Math.fround(0.1)]],
    // 1, -2, largest normal, smallest normal, smallest subnormal, -0
    [
      'F16',
      new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000).buffer),
      [1, -2, 65504, 2 ** -14, 2 ** -24, -0],
    ],
    ['BF16', new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x3dcd).buffer), [1, -2, 0.10009765625]],
  ];
  for (const [dtype, data, expected] of cases) {
    test(`${dtype} becomes float32`, async (t) => {
      const header = { __metadata__: { format: 'pt' }, x: tensor(dtype, [expected.length], 0, data.byteLength) };
      const source = await openBytes(t, encode(header, data));
      assert.deepEqual([...(await source.readFloat32('x'))], expected);
      await source.close();
    });
  }

  test('tensors are found wherever the header lists them', async (t) => {
    const data = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
    const source = await openBytes(t, encode({ b: tensor('F32', [2], 4, 12), a: tensor('F32', [], 0, 4) }, data));
    assert.deepEqual([...(await source.readFloat32('a'))], [1]);
    assert.deepEqual([...(await source.readFloat32('b'))], [2, 3]);
    await source.close();
  });

  const notFinite: [string, Uint8Array][] = [
    ['F32', new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, Number.NaN).buffer)],
    ['F32', new Uint8Array(Float32Array.of(1, 2, Number.NEGATIVE_INFINITY).buffer)],
    ['F64', new Uint8Array(Float64Array.of(1e300).buffer)],
    ['F16', new Uint8Array(Uint16Array.of(0x3c00, 0xfc00).buffer)],
    ['F16', new Uint8Array(Uint16Array.of(0x7e01).buffer)],
    ['BF16', new Uint8Array(Uint16Array.of(0x3f80, 0xff80).buffer)],
    ['BF16', new Uint8Array(Uint16Array.of(0x7fc1).buffer)],
  ];
  for (const [i, [dtype, data]] of notFinite.entries()) {
    test(`${dtype} that is not finite is refused (${i})`, async (t) => {
      const count = data.length / { F32: 4, F64: 8, F16: 2, BF16: 2 }[dtype as 'F32'];
      const source = await openBytes(t, encode({ x: tensor(dtype, [count], 0, data.length) }, data));
      const message = new RegExp(`model.safetensors.*tensor x holds (NaN|-?Infinity) at element ${count - 1}`);
      await assert.rejects(source.readFloat32('x'), corruptWith(message));
      await source.close();
    });
  }

  test('a tensor longer than what is converted at a time is read whole', async (t) => {
    const halves = Uint16Array.from({ length: 1_500_001 }, (_, i) => i % 0x7c00);
    const source = await openBytes(
      t,
      encode({ x: tensor('F16', [halves.length], 0, 2 * halves.length) }, new Uint8Array(halves.buffer)),
    );
    const values = await source.readFloat32('x');
    assert.equal(values.length, halves.length);
    for (const i of [0, 0x3c00, 524_287, 524_288, 1_048_576, 1_500_000]) {
      const half = i % 0x7c00;
      const expected = half < 1024 ? half * 2 ** -24 : (1 + (half % 1024) / 1024) * 2 ** ((half >> 10) - 15);
      assert.equal(values[i], expected, `element ${i}`);
    }
    await source.close();
  });

  test('a run of elements is put where it is asked for', async (t) => {
    const data = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5).buffer);
    const halves = new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0x4200).buffer);
    const bytes = new Uint8Array([...data, ...halves]);
    const source = await openBytes(t, encode({ a: tensor('F32', [5], 0, 20), b: tensor('F16', [3], 20, 26) }, bytes));
    const memory = new Float32Array(new SharedArrayBuffer(24), 4, 5);
    const target = memory.subarray(1, 4);
    assert.equal(await source.readFloat32('a', { start: 2, target }), target);
    assert.deepEqual([...memory], [0, 3, 4, 5, 0]);
    await source.readFloat32('b', { start: 1, target: memory.subarray(3) });
    assert.deepEqual([...memory], [0, 3, 4, 2, 3]);
    await assert.rejects(source.readFloat32('b', { start: 1, target }), RangeError);
    await source.close();
  });

  test('integers are no weights', async (t) => {
    const source = await openBytes(t, encode({ x: tensor('I64', [2], 0, 16) }, new Uint8Array(16)));
    await assert.rejects(source.readFloat32('x'), corruptWith(/x holds I64/));
    await assert.rejects(source.readFloat32('y'), corruptWith(/no tensor y/));
    await source.close();
  });

  test('a single whole number is a number: some programs write the alpha of a LoRA so', async (t) => {
    const data = new Uint8Array([...new Uint8Array(BigInt64Array.of(-7n).buffer), 200, 200]);
    const header = { a: tensor('I64', [], 0, 8), b: tensor('I8', [1], 8, 9), c: tensor('U8', [1, 1], 9, 10) };
    const source = await openBytes(t, encode(header, data));
    const values = await Promise.all(['a', 'b', 'c'].map((name) => source.readFloat32(name)));
    assert.deepEqual(
      values.map((value) => [...value]),
      [[-7], [-56], [200]],
    );
    await source.close();
  });

  test("the file's notes are read, and only those that are text", async (t) => {
    const header = { x: tensor('U8', [1], 0, 1), __metadata__: { ss_v2: 'False', list: ['no'] } };
    const source = await openBytes(t, encode(header, new Uint8Array(1)));
    assert.deepEqual([...(source.metadata ?? [])], [['ss_v2', 'False']]);
    await source.close();
  });
});

describe('hostile and damaged files are refused with a reason', () => {
  const four = new Uint8Array(4);
  const hugeLength = Buffer.alloc(16);
  hugeLength.writeBigUInt64LE(2n ** 63n);
  const cases: [string, Uint8Array, RegExp][] = [
    ['an empty file', new Uint8Array(), /0 bytes long/],
    ['a header longer than the file', hugeLength, /header claims/],
    ['a header that is not JSON', encode('{"x"'), /not JSON/],
    [
      'a header that is not UTF-8',
      Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([0xff, 0xfe])]),
      /not JSON/,
    ],
    ['a header that is a list', encode('[]'), /not an object/],
    ['an entry that is no tensor', encode({ x: 1 }), /entry for tensor x is malformed/],
    ['a negative offset', encode({ x: tensor('F32', [1], -4, 0) }), /malformed/],
    ['a fractional shape', encode({ x: tensor('F32', [0.5], 0, 2) }, new Uint8Array(2)), /malformed/],
    ['an unknown type', encode({ x: tensor('F8', [4], 0, 4) }, four), /unknown type F8/],
    [
      'a type that is a property of every object',
      encode({ x: tensor('toString', [4], 0, 4) }, four),
      /unknown type toString/,
    ],
    ['more shape than data', encode({ x: tensor('F32', [2], 0, 4) }, four), /shape of 8 bytes but 4/],
    ['a shape that overflows', encode({ x: tensor('F32', [2 ** 40, 2 ** 40], 0, 4) }, four), /shape of/],
    [
      'overlapping tensors',
      encode({ x: tensor('F32', [1], 0, 4), y: tensor('F32', [1], 2, 6) }, new Uint8Array(6)),
      /y overlaps/,
    ],
    [
      'a gap',
      encode({ x: tensor('F32', [1], 0, 4), y: tensor('F32', [1], 8, 12) }, new Uint8Array(12)),
      /y leaves a gap/,
    ],
    ['data cut short', encode({ x: tensor('F32', [2], 0, 8) }, four), /cut short/],
    ['data nobody owns', encode({ x: tensor('F32', [1], 0, 4) }, new Uint8Array(8)), /the file has/],
  ];
  for (const [name, bytes, message] of cases) {
    test(name, async (t) => {
      await assert.rejects(openBytes(t, bytes), corruptWith(message));
    });
  }
});
