import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startByteThreads } from '../../../function/src/bundle/byte-threads.ts';
import { PART_BYTES } from '../../../function/src/bundle/file-entry.ts';
import { graphFile } from '../../../function/src/bundle/manifest.ts';
import { createPartRing } from '../../../function/src/bundle/part-ring.ts';
import { writeComponent } from '../../../function/src/bundle/write-component.ts';
import type { TensorSource } from '../../../function/src/checkpoint/tensor-source.ts';
import { createCpuLayers } from '../../../function/src/graphs/layers/cpu-layers.ts';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { buildUnet } from '../../../function/src/graphs/unet.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import { uniformValues } from '../../full-size/random-values.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';

const INPUTS = 48;
const OUTPUTS = 32;
/** Beside the largest value: some ten roundings of 6e-8 each, that the sums of rows make up to eight times as large. */
const TOLERANCE = 5e-6;

describe('a convolution of a large feature map, by Winograd’s algorithm', () => {
  let host: SessionHost;
  const cleanUps: (() => Promise<void>)[] = [];

  before(async () => {
    host = createSessionHost();
    const folder = await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) });
    const layers = createCpuLayers('convolutions');
    const x = layers.imageInput('x', ['n', INPUTS, 'height', 'width']);
    for (const isLarge of [false, true]) {
      const y = layers.conv('conv', x, INPUTS, OUTPUTS, { kernel: 3, isLarge });
      layers.imageOutput(y, isLarge ? 'winograd' : 'plain', ['n', OUTPUTS, 'height', 'width']);
    }
    const graph = layers.g.build();
    const threads = startByteThreads(1);
    const ring = createPartRing(PART_BYTES);
    await writeComponent({ folder, component: 'unet', graph, checkpoint: randomCheckpoint(), ring, threads });
    await threads.close();
    await host.load('convolutions', join(folder, graphFile('unet')));
  });
  after(async () => {
    await host.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  // Heights that four divides, and all that it does not; a single place.
  for (const [n, height, width] of [
    [2, 16, 16],
    [1, 9, 13],
    [3, 10, 7],
    [1, 11, 20],
    [1, 1, 1],
  ] as const) {
    test(`${n} of ${width}×${height}: the plain one's result`, async (t) => {
      const dims = [n, INPUTS, height, width];
      const x = { data: uniformValues('x', n * INPUTS * height * width, 2), dims };
      const { plain, winograd } = await host.run('convolutions', { x });
      assert.ok(plain !== undefined && winograd !== undefined);
      assert.deepEqual(winograd.dims, [n, OUTPUTS, height, width]);
      assert.deepEqual(winograd.dims, plain.dims);
      let error = 0;
      let largest = 0;
      for (const [i, value] of plain.data.entries()) {
        // Written so that NaN stays.
        error = Math.max(error, Math.abs(value - (winograd.data[i] ?? Number.NaN)));
        largest = Math.max(largest, Math.abs(value));
      }
      t.diagnostic(`relative error ${(error / largest).toExponential(1)}`);
      assert.ok(error / largest < TOLERANCE, `relative error ${error / largest}`);
    });
  }

  test('the UNet of Stable Diffusion v1 has it where feature maps are large, for a tenth more weights', () => {
    const { weights } = buildUnet(stableDiffusionV1.unet);
    const byWinograd = new Set(
      weights.filter(({ name }) => name.endsWith('.sum0')).flatMap(({ sources }) => sources.map(({ name }) => name)),
    );
    const prefix = 'model.diffusion_model';
    for (const [name, expected] of [
      [`${prefix}.input_blocks.1.0.in_layers.2.weight`, true],
      [`${prefix}.input_blocks.5.0.out_layers.3.weight`, true],
      [`${prefix}.input_blocks.7.0.in_layers.2.weight`, false],
      [`${prefix}.output_blocks.5.2.conv.weight`, true],
      [`${prefix}.output_blocks.11.0.in_layers.2.weight`, true],
    ] as const) {
      assert.equal(byWinograd.has(name), expected, name);
    }
    const count = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);
    const kept = weights.reduce((sum, { shape }) => sum + count(shape), 0);
    const stored = new Map(weights.flatMap(({ sources }) => sources.map(({ name, shape }) => [name, count(shape)])));
    const original = [...stored.values()].reduce((sum, numbers) => sum + numbers, 0);
    assert.ok(kept > original && kept < 1.1 * original, `${kept} of ${original}`);
  });
});

function randomCheckpoint(): TensorSource {
  const shapes: [string, number[]][] = [
    ['conv.weight', [OUTPUTS, INPUTS, 3, 3]],
    ['conv.bias', [OUTPUTS]],
  ];
  const values = new Map(
    shapes.map(([name, shape]) => [
      name,
      uniformValues(
        name,
        shape.reduce((a, b) => a * b),
        1,
      ),
    ]),
  );
  return {
    tensors: new Map(
      shapes.map(([name, shape]) => [
        name,
        { name, shape, type: 'F32', byteLength: values.get(name)?.byteLength ?? 0 } as const,
      ]),
    ),
    async readFloat32(name, run) {
      const stored = values.get(name) ?? new Float32Array();
      const { start, target } = run ?? { start: 0, target: new Float32Array(stored.length) };
      target.set(stored.subarray(start, start + target.length));
      return target;
    },
    close: () => Promise.resolve(),
  };
}
