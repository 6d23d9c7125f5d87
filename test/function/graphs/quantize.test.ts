import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createWeightReader } from '../../../function/src/bundle/read-weight.ts';
import type { TensorSource } from '../../../function/src/checkpoint/tensor-source.ts';
import { encodeOnnx, placeWeights } from '../../../function/src/graphs/encode-onnx.ts';
import type { Graph, Value } from '../../../function/src/graphs/graph-builder.ts';
import { createCpuLayers } from '../../../function/src/graphs/layers/cpu-layers.ts';
import type { ConvOptions, Layers } from '../../../function/src/graphs/layers/layers.ts';
import { quantize } from '../../../function/src/graphs/quantize.ts';
import { createSessionHost } from '../../../function/src/runtime/session-host.ts';
import type { Tensor } from '../../../function/src/runtime/tensor.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { memoryCheckpoint } from '../../support/memory-checkpoint.ts';

/** Whole numbers from `low` to `high`, both among them, in no order. */
function wholeNumbers(count: number, low: number, high: number): Float32Array {
  const values = Float32Array.from({ length: count }, (_, i) => low + ((i * 7919 + 31) % (high - low + 1)));
  values.set([low, high]);
  return values;
}

/** Weights that int8 holds exactly: multiples of another power of two for each output, the largest 127 times it. */
function exactWeights(shape: readonly number[]): Float32Array {
  const [outputs = 1, ...rest] = shape;
  const length = rest.reduce((a, b) => a * b, 1);
  const values = new Float32Array(outputs * length);
  for (let output = 0; output < outputs; output += 1) {
    const row = wholeNumbers(length, -127, 127).map((value) => value * 2 ** ((output % 7) - 9));
    values.set(row, output * length);
  }
  return values;
}

async function writeModel(folder: string, name: string, graph: Graph, checkpoint: TensorSource): Promise<string> {
  const { placements, byteLength } = placeWeights(graph);
  const weights = new Uint8Array(byteLength);
  const reader = createWeightReader(graph.weights, checkpoint);
  for (const { weight, offset, byteLength: bytes } of placements) {
    await reader.read(weight, 0, weights.subarray(offset, offset + bytes));
  }
  await writeFile(join(folder, `${name}.weights`), weights);
  const path = join(folder, `${name}.onnx`);
  await writeFile(path, encodeOnnx(graph, `${name}.weights`));
  return path;
}

/** What a layer says as it is, and quantized. */
async function runBoth(
  t: { after(cleanUp: () => Promise<void>): void },
  layer: (layers: Layers, x: Value) => Value,
  shape: number[],
  dims: (number | string)[],
  x: Tensor,
) {
  const layers = createCpuLayers('layer');
  const { g } = layers;
  g.output(
    layer(layers, g.input('x', 'float32', dims)),
    'y',
    'float32',
    dims.map((_, i) => `d${i}`),
  );
  const graph = g.build();
  const checkpoint = memoryCheckpoint({
    'layer.weight': { shape, values: exactWeights(shape) },
    'layer.bias': { shape: [shape[0] ?? 1], values: wholeNumbers(shape[0] ?? 1, -5, 5) },
  });
  const folder = await temporaryFolder(t);
  const host = createSessionHost();
  t.after(() => host.close());
  const quantized = quantize(graph, () => false);
  await host.load('exact', await writeModel(folder, 'exact', graph, checkpoint));
  await host.load('quantized', await writeModel(folder, 'quantized', quantized, checkpoint));
  const [exact, found] = await Promise.all(['exact', 'quantized'].map((name) => host.run(name, { x })));
  assert.ok(exact?.y !== undefined && found?.y !== undefined);
  return { exact: exact.y, found: found.y, quantized };
}

function assertEqual(found: Tensor, exact: Tensor): void {
  assert.deepEqual(found.dims, exact.dims);
  const largest = exact.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  assert.ok(largest > 1);
  for (const [i, value] of exact.data.entries()) {
    assert.ok(Math.abs(value - (found.data[i] as number)) <= 1e-6 * largest, `${i}: ${found.data[i]}, not ${value}`);
  }
}

describe('quantized layers compute exactly what int8 can say exactly', () => {
  const convolutions: [string, ConvOptions][] = [
    ['3×3', { kernel: 3 }],
    ['3×3, every other place', { kernel: 3, stride: 2 }],
    ['3×3, every other place, padded at the end only', { kernel: 3, stride: 2, pads: [0, 0, 1, 1] }],
    ['3×3 without bias', { kernel: 3, bias: false }],
    ['1×1', { kernel: 1 }],
  ];
  for (const [name, options] of convolutions) {
    for (const [height, width] of [
      [6, 8],
      [5, 7],
    ] as const) {
      test(`convolution ${name}, ${height} by ${width}`, async (t) => {
        const shape = [72, 33, options.kernel, options.kernel];
        // The range is 255 wide, so that a step is 1.
        const x = { data: wholeNumbers(2 * 33 * height * width, -100, 155), dims: [2, 33, height, width] };
        const conv = (layers: Layers, value: Value) => layers.conv('layer', value, 33, 72, options);
        const { exact, found, quantized } = await runBoth(t, conv, shape, ['n', 33, 'h', 'w'], x);
        assertEqual(found, exact);
        assert.ok(quantized.nodes.every(({ opType }) => opType !== 'Conv'));
      });
    }
  }

  test('linear', async (t) => {
    const x = { data: wholeNumbers(2 * 5 * 48, -3, 252), dims: [2, 5, 48] };
    const linear = (layers: Layers, value: Value) => layers.linear('layer', value, 48, 70);
    const { exact, found, quantized } = await runBoth(t, linear, [70, 48], ['n', 'count', 48], x);
    assertEqual(found, exact);
    assert.ok(quantized.nodes.every(({ opType }) => opType !== 'FusedMatMul'));
  });

  test('what is between its steps is rounded to the nearest', async (t) => {
    // From 0 to 255 in steps of 1.
    const x = { data: Float32Array.of(0, 0, 255, 0, 0.4, 0, 0.6, 0), dims: [1, 4, 2] };
    const linear = (layers: Layers, value: Value) => layers.linear('layer', value, 2, 3);
    const { found } = await runBoth(t, linear, [3, 2], ['n', 'count', 2], x);
    const bias = wholeNumbers(3, -5, 5);
    const weight = exactWeights([3, 2]);
    for (const [row, value] of [0, 255, 0, 1].entries()) {
      for (const [column, offset] of bias.entries()) {
        assert.equal(found.data[3 * row + column], value * (weight[2 * column] as number) + offset);
      }
    }
  });
});
