import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startByteThreads } from '../../../function/src/bundle/byte-threads.ts';
import { PART_BYTES } from '../../../function/src/bundle/file-entry.ts';
import { graphFile } from '../../../function/src/bundle/manifest.ts';
import { createPartRing } from '../../../function/src/bundle/part-ring.ts';
import { writeComponent } from '../../../function/src/bundle/write-component.ts';
import { createCpuLayers } from '../../../function/src/graphs/layers/cpu-layers.ts';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { buildUnet } from '../../../function/src/graphs/unet.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import { relativeError } from '../../full-size/golden-cases.ts';
import { uniformValues } from '../../full-size/random-values.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { memoryCheckpoint } from '../../support/memory-checkpoint.ts';

const INPUTS = 48;
const OUTPUTS = 32;
/** Beside the largest value: some ten roundings of 6e-8 each, that the sums of rows make up to eight times as large. */
const TOLERANCE = 5e-6;

describe('a convolution of a large or medium feature map, by Winograd’s algorithm', () => {
  let host: SessionHost;
  const cleanUps: (() => Promise<void>)[] = [];

  before(async () => {
    host = createSessionHost();
    const folder = await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) });
    const layers = createCpuLayers('convolutions');
    const x = layers.imageInput('x', ['n', INPUTS, 'height', 'width']);
    for (const mapSize of ['small', 'medium', 'large'] as const) {
      const y = layers.conv('conv', x, INPUTS, OUTPUTS, { kernel: 3, mapSize });
      layers.imageOutput(y, mapSize, ['n', OUTPUTS, 'height', 'width']);
    }
    const graph = layers.g.build();
    const checkpoint = memoryCheckpoint({
      'conv.weight': {
        shape: [OUTPUTS, INPUTS, 3, 3],
        values: uniformValues('conv.weight', OUTPUTS * INPUTS * 9, 1),
      },
      'conv.bias': { shape: [OUTPUTS], values: uniformValues('conv.bias', OUTPUTS, 1) },
    });
    const threads = startByteThreads(1);
    const ring = createPartRing(PART_BYTES);
    await writeComponent({ folder, component: 'unet', graph, checkpoint, ring, threads });
    await threads.close();
    await host.load('convolutions', join(folder, graphFile('unet')));
  });
  after(async () => {
    await host.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  // Heights that four and two divide, and all that they do not; a single place.
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
      const { small: plain, medium, large } = await host.run('convolutions', { x });
      assert.ok(plain !== undefined && medium !== undefined && large !== undefined);
      assert.deepEqual(plain.dims, [n, OUTPUTS, height, width]);
      for (const [rows, result] of Object.entries({ two: medium, four: large })) {
        assert.deepEqual(result.dims, plain.dims);
        const error = relativeError(result.data, plain.data);
        t.diagnostic(`${rows} rows at once: relative error ${error.toExponential(1)}`);
        assert.ok(error < TOLERANCE, `${rows} rows at once: relative error ${error}`);
      }
    });
  }

  test('the UNet of Stable Diffusion v1 has it where feature maps are not small, for a fifth more weights', () => {
    const { weights } = buildUnet(stableDiffusionV1.unet);
    const names = new Set(weights.map(({ name }) => name));
    const prefix = 'model.diffusion_model';
    for (const [layer, products] of [
      ['input_blocks.1.0.in_layers.2', 6],
      ['input_blocks.5.0.out_layers.3', 6],
      ['input_blocks.7.0.in_layers.2', 4],
      ['input_blocks.10.0.in_layers.2', undefined],
      ['output_blocks.2.1.conv', 4],
      ['output_blocks.5.2.conv', 6],
      ['output_blocks.11.0.in_layers.2', 6],
    ] as const) {
      const name = `${prefix}.${layer}.weight`;
      const expected = products === undefined ? name : `${name}.sum${products - 1}_of_${products}`;
      assert.ok(names.has(expected), expected);
    }
    const count = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);
    const kept = weights.reduce((sum, { shape }) => sum + count(shape), 0);
    const stored = new Map(weights.flatMap(({ sources }) => sources.map(({ name, shape }) => [name, count(shape)])));
    const original = [...stored.values()].reduce((sum, numbers) => sum + numbers, 0);
    assert.ok(kept > original && kept < 1.2 * original, `${kept} of ${original}`);
  });

  test('a UNet as narrow as the embedded model’s has none: it would be slower', () => {
    const { weights } = buildUnet({ ...stableDiffusionV1.unet, model_channels: 64 });
    assert.deepEqual(
      weights.filter(({ arrangement }) => typeof arrangement === 'object' && 'kernelRows' in arrangement),
      [],
    );
  });
});
