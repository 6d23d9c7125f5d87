import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { weightsFile } from '../../../function/src/bundle/manifest.ts';
import { encodeOnnx } from '../../../function/src/graphs/encode-onnx.ts';
import { buildVaeDecoder } from '../../../function/src/graphs/vae.ts';
import { createNoiseGenerator } from '../../../function/src/pipeline/random/noise-generator.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import { row, type Tensor, tensor } from '../../../function/src/runtime/tensor.ts';
import { openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';

/** Of pictures in [-1, 1]: a twentieth of one level of 255. */
const LIMIT = 4e-4;
/** Latents' rows to pixels. */
const SCALE = 8;
/** Strips of the largest level. */
const COUNT = 8;
/** How far a wrong row would be seen: the convolutions of the largest level. */
const REACH = 8;

const noise = createNoiseGenerator('cpu', 11);
/** As wide as the embedded model's latents are when they come to its decoder. */
const latentsOf = (count: number, height: number, width: number): Tensor => {
  const values = noise.randn(count * 4 * height * width).map((value) => value * 2.3);
  return tensor(values, [count, 4, height, width]);
};

describe('the decoder in strips', () => {
  let host: SessionHost;
  const cleanUps: (() => Promise<void>)[] = [];

  before(async () => {
    host = createSessionHost();
    const folder = await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) });
    const bundle = await openEmbeddedBundle();
    const strips = bundle.graphPath('vae_decoder');
    await host.load('strips', strips);
    const weights = weightsFile('vae_decoder');
    await copyFile(join(strips, '..', weights), join(folder, weights));
    const path = join(folder, 'whole.onnx');
    await writeFile(path, encodeOnnx(buildVaeDecoder(bundle.manifest.config.vae, 'cpu', []), weights));
    await host.load('whole', path);
  });
  after(async () => {
    await host.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  const decode = async (session: 'strips' | 'whole', latents: Tensor): Promise<Tensor> =>
    (await host.run(session, { latents })).image as Tensor;

  for (const [height, width] of [
    [53, 40],
    [8, 11],
    [4, 4],
  ] as const) {
    test(`${width * SCALE}×${height * SCALE}: every pixel as in one piece, at the seams as elsewhere`, async (t) => {
      const latents = latentsOf(1, height, width);
      const [strips, whole] = [await decode('strips', latents), await decode('whole', latents)];
      assert.deepEqual(strips.dims, [1, 3, height * SCALE, width * SCALE]);
      const errors = rowErrors(strips, whole);
      const isNearSeam = nearSeams(height);
      const [near, far] = [true, false].map((wanted) =>
        Math.max(...errors.filter((_, y) => isNearSeam(y) === wanted), 0),
      ) as [number, number];
      t.diagnostic(`at seams ${near.toExponential(1)}, elsewhere ${far.toExponential(1)}`);
      // Written so that NaN fails too.
      assert.ok(near < LIMIT, `${near} at a seam`);
      assert.ok(far < LIMIT, `${far} elsewhere`);
      assert.ok(far === 0 || near < 2 * far, `${near} at a seam, ${far} elsewhere`);
      // Something is there to be compared.
      assert.ok(whole.data.some((value) => value > 0.25) && whole.data.some((value) => value < -0.25));
    });
  }

  test('each of several is what it is alone', async () => {
    const latents = latentsOf(3, 9, 8);
    const together = await decode('strips', latents);
    for (const index of [0, 1, 2]) {
      const alone = await decode('strips', row(latents, index));
      assert.deepEqual(row(together, index).data, alone.data);
    }
  });
});

/** The largest difference in each row of pixels. */
function rowErrors(a: Tensor, b: Tensor): number[] {
  const [, channels = 0, height = 0, width = 0] = a.dims;
  return Array.from({ length: height }, (_, y) => {
    let error = 0;
    for (let channel = 0; channel < channels; channel += 1) {
      const start = (channel * height + y) * width;
      for (let i = start; i < start + width; i += 1) {
        const difference = Math.abs((a.data[i] as number) - (b.data[i] as number));
        error = difference > error || Number.isNaN(difference) ? difference : error;
      }
    }
    return error;
  });
}

/** Whether a row of pixels is near a seam: the largest level is made from strips of half as many rows. */
function nearSeams(latentRows: number): (y: number) => boolean {
  const seams = Array.from({ length: COUNT - 1 }, (_, i) => 2 * Math.floor(((i + 1) * 4 * latentRows) / COUNT));
  return (y) => seams.some((seam) => y >= seam - REACH && y < seam + REACH);
}
