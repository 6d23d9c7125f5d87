import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createWeightReader } from '../../../function/src/bundle/read-weight.ts';
import { toFloat16Bits } from '../../../function/src/bundle/to-float16.ts';
import { placeWeights } from '../../../function/src/graphs/encode-onnx.ts';
import { type Graph, GraphBuilder, type WeightSpec } from '../../../function/src/graphs/graph-builder.ts';
import { memoryCheckpoint } from '../../support/memory-checkpoint.ts';

/** Sign, exponent, fraction: IEEE 754 § 3.4, binary16. */
function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

describe('half precision', () => {
  test('every half is its own nearest', () => {
    for (let bits = 0; bits < 0x1_0000; bits += 1) {
      const value = fromFloat16Bits(bits);
      if (Number.isNaN(value)) assert.ok(Number.isNaN(fromFloat16Bits(toFloat16Bits(value))));
      else assert.equal(toFloat16Bits(value), bits);
    }
  });

  test('between two neighbours the nearer wins, and the even one of two that are as near', () => {
    for (let bits = 0; bits < 0x7bff; bits += 1) {
      const [low, high] = [fromFloat16Bits(bits), fromFloat16Bits(bits + 1)];
      const middle = (low + high) / 2;
      const step = (high - low) / 1024;
      assert.equal(toFloat16Bits(middle), bits % 2 === 0 ? bits : bits + 1);
      assert.equal(toFloat16Bits(middle - step), bits);
      assert.equal(toFloat16Bits(middle + step), bits + 1);
      assert.equal(toFloat16Bits(-(middle + step)), 0x8000 | (bits + 1));
    }
  });

  test('what is too large becomes an infinity', () => {
    assert.equal(toFloat16Bits(65_519), 0x7bff);
    assert.equal(toFloat16Bits(65_520), 0x7c00);
    assert.equal(toFloat16Bits(-1e30), 0xfc00);
  });
});

describe('weights made from the tensors of a checkpoint', () => {
  const counting = (shape: number[], first: number) => ({
    shape,
    values: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => first + i),
  });
  const checkpoint = memoryCheckpoint({
    conv: counting([2, 3, 1, 2], 0),
    kernels: counting([1, 2, 3, 3], 6),
    q: counting([4, 1], 10),
    k: counting([4, 1], 20),
    rows: { shape: [3, 2, 1, 2], values: Float32Array.of(1, -1.5, 0.25, 4, 0, 0, 0, 0, 0.5, 63.5, -127, -126.4) },
    large: { shape: [1, 2], values: Float32Array.of(1, 65_505) },
  });

  async function read(weight: WeightSpec): Promise<Uint8Array> {
    const g = new GraphBuilder('test');
    g.arrangedWeight(weight);
    const graph: Graph = g.build();
    const [placement] = placeWeights(graph).placements;
    assert.ok(placement !== undefined);
    const reader = createWeightReader(graph.weights, checkpoint);
    const bytes = new Uint8Array(placement.byteLength);
    await reader.read(placement.weight, 0, bytes);
    for (let start = 0; start + 8 <= bytes.length; start += 4) {
      const run = new Uint8Array(8);
      await reader.read(placement.weight, start, run);
      assert.deepEqual(run, bytes.slice(start, start + 8), `from byte ${start}`);
    }
    return bytes;
  }

  const halves = (bytes: Uint8Array) =>
    Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2), fromFloat16Bits);

  test('a convolution with its channels last', async () => {
    const bytes = await read({
      name: 'conv',
      shape: [2, 1, 2, 3],
      type: 'float16',
      sources: [{ name: 'conv', shape: [2, 3, 1, 2] }],
      arrangement: 'channels_last',
    });
    assert.deepEqual(halves(bytes), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
  });

  test('two matrices interleaved head by head', async () => {
    const bytes = await read({
      name: 'q+k',
      shape: [8, 1],
      type: 'float16',
      sources: [
        { name: 'q', shape: [4, 1] },
        { name: 'k', shape: [4, 1] },
      ],
      arrangement: { interleavedHeads: 2 },
    });
    assert.deepEqual(halves(bytes), [10, 11, 20, 21, 12, 13, 22, 23]);
  });

  test('rows of a tensor, as they are stored or made into something else', async () => {
    const second = { name: 'second', sources: [{ name: 'conv', shape: [2, 3, 1, 2], rows: [1, 2] }] } as const;
    const asStored = await read({ ...second, shape: [1, 6], type: 'float32', arrangement: 'as_stored' });
    assert.deepEqual([...new Float32Array(asStored.buffer, asStored.byteOffset, 6)], [6, 7, 8, 9, 10, 11]);
    const moved = await read({ ...second, shape: [1, 1, 2, 3], type: 'float32', arrangement: 'channels_last' });
    assert.deepEqual([...new Float32Array(moved.buffer, moved.byteOffset, 6)], [6, 8, 10, 7, 9, 11]);
  });

  test('int8 columns, each with its scale', async () => {
    const sources = [{ name: 'rows', shape: [3, 2, 1, 2] }];
    const scales = await read({
      name: 'scales',
      shape: [3],
      type: 'float32',
      sources,
      arrangement: 'quantization_scales',
    });
    assert.deepEqual([...new Float32Array(scales.buffer)], [Math.fround(4 / 127), 1, 1]);
    const columns = await read({ name: 'columns', shape: [4, 3], type: 'int8', sources, arrangement: 'quantized' });
    // Of each output in turn: the first of both inputs, then the second. 1 is 31.75 steps of 4/127.
    assert.deepEqual(
      [...new Int8Array(columns.buffer)],
      [
        [32, 0, 1],
        [8, 0, -127],
        [-48, 0, 64],
        [127, 0, -126],
      ].flat(),
    );
  });

  test('a sum of the rows of 3×3 kernels', async () => {
    const factors = [1 / 24, -1 / 12, 1 / 6] as const;
    const sums = { name: 'sum', shape: [1, 2, 1, 3], sources: [{ name: 'kernels', shape: [1, 2, 3, 3] }] };
    const bytes = await read({ ...sums, type: 'float16', arrangement: { kernelRows: factors } });
    // (first − 2 second + 4 third) / 24 of each column
    const expected = [36, 39, 42, 63, 66, 69].map((sum) => sum / 24);
    for (const [i, value] of halves(bytes).entries()) assert.ok(Math.abs(value - (expected[i] as number)) < 1e-3);
    const exact = await read({ ...sums, type: 'float32', arrangement: { kernelRows: [1 / 4, 0, 0] } });
    assert.deepEqual([...new Float32Array(exact.buffer)], [1.5, 1.75, 2, 3.75, 4, 4.25]);
  });

  test('a value that half precision cannot hold is refused, with the tensor named', async () => {
    const weight = {
      name: 'large',
      shape: [1, 2],
      sources: [{ name: 'large', shape: [1, 2] }],
      arrangement: 'as_stored',
    } as const;
    await assert.rejects(read({ ...weight, type: 'float16' }), { code: 'invalid_input', message: /^Tensor large / });
    const bytes = await read({ ...weight, type: 'float32' });
    assert.deepEqual([...new Float32Array(bytes.buffer, bytes.byteOffset, 2)], [1, 65_505]);
  });
});
