import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { constantPrompts, createGuidedPredictor } from '../../../function/src/pipeline/guidance.ts';
import { createNoiseSchedule, samplers } from '../../../function/src/pipeline/schedulers/index.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import { row, type Tensor } from '../../../function/src/runtime/tensor.ts';
import clipSkips from '../../fixtures/mini/clip-skip.json' with { type: 'json' };
import custom from '../../fixtures/mini/custom-embeddings.json' with { type: 'json' };
import golden from '../../fixtures/mini/golden.json' with { type: 'json' };
import { openEmbeddedBundle } from '../../support/embedded-model.ts';
import { maxAbsoluteError, readGolden } from '../../support/golden.ts';

describe('the embedded model, against PyTorch', () => {
  let host: SessionHost;
  let model: DiffusionModel;

  before(async () => {
    host = createSessionHost();
    const bundle = await openEmbeddedBundle();
    model = await openModel(bundle, host);
    await host.load('vae_encoder', bundle.graphPath('vae_encoder'));
  });
  after(() => host.close());

  test('text encoder: six prompts, from words to embeddings, within 1e-5', async (t) => {
    const expected = await readGolden('mini', 'text.safetensors');
    const embeddings = await model.encodePrompts(
      golden.prompts.map((prompt) => model.tokenizer.encode(prompt).tokenIds),
    );
    assertClose(t, embeddings, expected('context'), 1e-5);
  });

  for (const [clipSkip, base64] of clipSkips.embeddings as [number, string][]) {
    test(`text encoder: clip skip ${clipSkip} within 1e-5 of transformers`, async (t) => {
      const expected = decodeFloats(base64);
      const { data } = await model.encodePrompts([Int32Array.from(clipSkips.tokenIds)], clipSkip);
      const error = Math.max(...expected.map((value, i) => Math.abs(value - (data[i] ?? Number.NaN))));
      t.diagnostic(`max abs error ${error.toExponential(1)}`);
      assert.ok(error <= 1e-5, `max abs error ${error}`);
    });
  }

  for (const [clipSkip, base64] of custom.embeddings as [number, string][]) {
    test(`text encoder: vectors in place of tokens, clip skip ${clipSkip}, within 1e-5 of transformers`, async (t) => {
      const { width } = model.config.text;
      const table = decodeFloats(custom.vectors);
      const vectors = Array.from({ length: table.length / width }, (_, i) => table.slice(i * width, (i + 1) * width));
      const tokenIds = custom.tokenIds.map((ids) => Int32Array.from(ids));
      const embeddings = await model.encodePrompts(tokenIds, clipSkip, vectors);
      // The golden holds the first eight places of each of three chunks.
      const data = tokenIds.flatMap((_, i) => Array.from(row(embeddings, i).data.subarray(0, 8 * width)));
      const expected = decodeFloats(base64);
      assert.equal(data.length, expected.length);
      const error = Math.max(...expected.map((value, i) => Math.abs(value - (data[i] ?? Number.NaN))));
      t.diagnostic(`max abs error ${error.toExponential(1)}`);
      assert.ok(error <= 1e-5, `max abs error ${error}`);
    });
  }

  test('UNet: two timesteps in one batch, within 1e-5', async (t) => {
    const expected = await readGolden('mini', 'unet.safetensors');
    const timesteps = { data: Float32Array.from(golden.unet.t), dims: [2] };
    const feeds = { latents: expected('x'), timesteps, prompt_embeddings: expected('context') };
    const { noise_prediction } = await host.run('unet', feeds);
    assertClose(t, noise_prediction, expected('eps'), 1e-5);
  });

  test('VAE encoder: moments within 1e-3, decoder: pixels within 1e-4', async (t) => {
    const expected = await readGolden('mini', 'vae.safetensors');
    const { moments } = await host.run('vae_encoder', { image: expected('image') });
    assertClose(t, moments, expected('moments'), 1e-3);
    const { image } = await host.run('vae_decoder', { latents: expected('latent') });
    assertClose(t, image, expected('decoded'), 1e-4);
  });

  test('ten guided DDIM steps: the image in [0,1] within 1e-3', async (t) => {
    const expected = await readGolden('mini', 'ddim10.safetensors');
    const noise = expected('noise');
    const tokens = ['', golden.ddim10.prompt].map((prompt) => model.tokenizer.encode(prompt).tokenIds);
    const embeddings = await model.encodePrompts(tokens);
    const prompts = constantPrompts(row(embeddings, 1), row(embeddings, 0));
    const predictNoise = createGuidedPredictor(model, prompts, golden.ddim10.guidance);
    const { timesteps, linear_start, linear_end } = model.config.diffusion;

    const latents = await samplers.ddim.sample({
      noise: noise.data,
      steps: golden.ddim10.steps,
      schedule: 'ddim_uniform',
      eta: golden.ddim10.eta,
      noiseSchedule: createNoiseSchedule({ timesteps, linearStart: linear_start, linearEnd: linear_end }),
      predictNoise: async (data, timestep) => (await predictNoise({ data, dims: noise.dims }, timestep)).data,
      drawNoise: () => assert.fail('eta is 0: no fresh noise'),
      createBrownianNoise: () => assert.fail('DDIM does not solve the stochastic equation'),
    });
    const image = await model.decodeLatents({ data: latents, dims: noise.dims });

    const error = maxAbsoluteError(toUnitRange(image), toUnitRange(expected('image')));
    t.diagnostic(`max abs error of the image in [0,1]: ${error.toExponential(2)}`);
    assert.ok(error <= 1e-3, `max abs error ${error}`);
  });
});

function decodeFloats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function toUnitRange({ data, dims }: Tensor): Tensor {
  return { data: data.map((value) => Math.min(Math.max((value + 1) / 2, 0), 1)), dims };
}

function assertClose(t: TestContext, actual: Tensor | undefined, expected: Tensor, tolerance: number): void {
  assert.ok(actual);
  const error = maxAbsoluteError(actual, expected);
  t.diagnostic(`max abs error ${error.toExponential(1)}`);
  assert.ok(error <= tolerance, `max abs error ${error} > ${tolerance}`);
}
