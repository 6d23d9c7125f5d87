import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { createClipTokenizerJson } from '../../../function/src/pipeline/clip-tokenizer-json.ts';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { generate } from '../../../function/src/pipeline/generate.ts';
import { createTokenizer } from '../../../function/src/pipeline/tokenizer.ts';
import type { Tensor } from '../../../function/src/runtime/tensor.ts';
import { quickSettings } from '../../support/settings.ts';

const tokenizer = createTokenizer(await createClipTokenizerJson());
const filled = (dims: number[], value: number): Tensor => ({
  data: new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(value),
  dims,
});

/** A model of nine channels that encodes each cell as the mean of its red, and keeps what its UNet is given. */
function fakeInpaintingModel() {
  const seen: Tensor[] = [];
  const model = {
    config: { ...stableDiffusionV1, unet: { ...stableDiffusionV1.unet, in_channels: 9 } },
    info: { name: 'v1-5-inpainting' },
    checkpointSha256: 'ab'.repeat(32),
    tokenizer,
    encodePrompts: async (rows: readonly Int32Array[]) => filled([rows.length, 77, 2], 1),
    encodeImage: async ({ data, dims }: Tensor) => {
      const [, , height = 0, width = 0] = dims;
      const mean = filled([1, 4, height / 8, width / 8], 0);
      for (let i = 0; i < height * width; i += 1) {
        const cell = Math.floor(i / width / 8) * (width / 8) + Math.floor((i % width) / 8);
        mean.data[cell] = (mean.data[cell] ?? 0) + (data[i] ?? 0) / 64;
      }
      return { mean, deviation: filled(mean.dims as number[], 0) };
    },
    predictNoise: async (latents: Tensor, _timestep: number, prompts: Tensor) => {
      seen.push(latents);
      const [, , height = 0, width = 0] = latents.dims;
      return filled([prompts.dims[0] ?? 1, 4, height, width], 0);
    },
    decodeLatents: async ({ dims }: Tensor) => filled([1, 3, 8 * (dims[2] ?? 0), 8 * (dims[3] ?? 0)], 0),
  } as unknown as DiffusionModel;
  return { model, seen };
}

const halfWhite = (left: number, right: number) =>
  sharp({ create: { width: 64, height: 64, channels: 3, background: { r: left, g: left, b: left } } })
    .composite([
      {
        input: { create: { width: 32, height: 64, channels: 3, background: { r: right, g: right, b: right } } },
        left: 32,
        top: 0,
      },
    ])
    .png()
    .toBuffer();

describe('an inpainting model sees, beside the latents,', () => {
  const channel = ({ data }: Tensor, index: number) => data.subarray(64 * index, 64 * (index + 1));

  test('the mask and the picture without what it covers', async () => {
    const { model, seen } = fakeInpaintingModel();
    const files: Record<string, Buffer> = { init: await halfWhite(255, 255), mask: await halfWhite(0, 255) };
    const start: Partial<GenerateSettings> = { initImage: 'init', mask: 'mask', maskBlur: 0, strength: 0.9 };
    await generate(model, quickSettings(start), { readUpload: async (key) => files[key] });
    const [first] = seen;
    assert.ok(first);
    assert.deepEqual(first.dims, [1, 9, 8, 8]);
    for (let cell = 0; cell < 64; cell += 1) {
      const isRight = cell % 8 >= 4;
      assert.equal(channel(first, 4)[cell], isRight ? 1 : 0, 'mask');
      assert.equal(channel(first, 5)[cell], isRight ? 0 : 1, 'white on the left, grey where it is covered');
    }
  });

  test('a mask of all and a grey picture where there is none', async () => {
    const { model, seen } = fakeInpaintingModel();
    await generate(model, quickSettings());
    const [first] = seen;
    assert.ok(first);
    assert.ok(channel(first, 4).every((value) => value === 1));
    assert.ok(channel(first, 5).every((value) => value === 0));
  });
});
