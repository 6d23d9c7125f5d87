import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startByteThreads } from '../../../function/src/bundle/byte-threads.ts';
import { PART_BYTES } from '../../../function/src/bundle/file-entry.ts';
import { graphFile, weightsFile } from '../../../function/src/bundle/manifest.ts';
import { createPartRing } from '../../../function/src/bundle/part-ring.ts';
import { writeComponent } from '../../../function/src/bundle/write-component.ts';
import { openPreviewDecoder } from '../../../function/src/checkpoint/open-preview-decoder.ts';
import { encodeOnnx } from '../../../function/src/graphs/encode-onnx.ts';
import type { Target } from '../../../function/src/graphs/layers/layers.ts';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { buildPreviewDecoder } from '../../../function/src/graphs/preview-decoder.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import { uniformValues } from '../../full-size/random-values.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { maxAbsoluteError, readGolden } from '../../support/golden.ts';
import { lowerToCpu } from '../../support/lower-to-cpu.ts';
import { writePreviewDecoder } from '../../support/preview-decoder.ts';

describe('the decoder of TAESD, against its authors’ code', () => {
  let host: SessionHost;
  let folder: string;
  const cleanUps: (() => Promise<void>)[] = [];
  const latents = { data: uniformValues('latents', 160, 6), dims: [2, 4, 4, 5] };

  before(async () => {
    host = createSessionHost();
    folder = await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) });
  });
  after(async () => {
    await host.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  async function decode(target: Target, naming: 'taesd' | 'diffusers') {
    const place = join(folder, `${target}-${naming}`);
    await mkdir(place);
    const graph = buildPreviewDecoder(stableDiffusionV1.vae, target);
    const checkpoint = await openPreviewDecoder(await writePreviewDecoder(place, { naming }), stableDiffusionV1);
    const threads = startByteThreads(1);
    const ring = createPartRing(PART_BYTES);
    await writeComponent({ folder: place, component: 'preview_decoder', graph, checkpoint, ring, threads });
    await threads.close();
    await checkpoint.close();
    const path = join(place, target === 'cpu' ? graphFile('preview_decoder') : 'lowered.onnx');
    if (target === 'cuda') await writeFile(path, encodeOnnx(lowerToCpu(graph), weightsFile('preview_decoder')));
    await host.load(place, path);
    const { image } = await host.run(place, { latents });
    assert.ok(image);
    return image;
  }

  for (const naming of ['taesd', 'diffusers'] as const) {
    test(`with tensors named by ${naming}: within 1e-5`, async (t) => {
      const golden = (await readGolden('preview-decoder', 'golden.safetensors'))('image');
      const error = maxAbsoluteError(await decode('cpu', naming), golden);
      t.diagnostic(`max abs error ${error.toExponential(1)}`);
      assert.ok(error <= 1e-5, `max abs error ${error}`);
    });
  }

  test('the graph for CUDA, said in the operators of the CPU provider, within half precision', async (t) => {
    const golden = (await readGolden('preview-decoder', 'golden.safetensors'))('image');
    const error = maxAbsoluteError(await decode('cuda', 'taesd'), golden);
    t.diagnostic(`max abs error ${error.toExponential(1)}`);
    assert.ok(error <= 1e-2, `max abs error ${error}`);
  });

  test('has as many parameters as the original', () => {
    const counts = buildPreviewDecoder(stableDiffusionV1.vae).weights.map(({ shape }) => shape.reduce((a, b) => a * b));
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      1_222_531,
    );
  });
});
