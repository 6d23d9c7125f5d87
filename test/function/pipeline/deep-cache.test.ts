import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { openMergedBundle } from '../../../function/src/add-ons/loras/merged-bundle.ts';
import { convertCheckpoint } from '../../../function/src/bundle/convert-checkpoint.ts';
import { type Bundle, openBundle } from '../../../function/src/bundle/open-bundle.ts';
import { createDeepCache, type DeepFeatures } from '../../../function/src/pipeline/deep-cache.ts';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { generate } from '../../../function/src/pipeline/generate.ts';
import { createNoiseGenerator } from '../../../function/src/pipeline/random/noise-generator.ts';
import { withInpaintingInput } from '../../../function/src/pipeline/start/encode-start.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import { type Tensor, tensor } from '../../../function/src/runtime/tensor.ts';
import { embeddedModelFolder, openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';
import { encodeLora, layers } from '../../support/lora-files.ts';
import { psnr } from '../../support/picture-quality.ts';
import { quickSettings } from '../../support/settings.ts';
import { watchPredictions } from './watch-predictions.ts';

describe('what a prediction reuses', () => {
  const [fox, cat, nothing] = [1, 2, 0].map((value) => tensor(Float32Array.of(value), [1, 1, 1])) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  /** Which of the predictions have nothing yet to reuse; the model puts something there. */
  const wholeOnes = (interval: number, asked: readonly Tensor[][]) => {
    const deepFeatures = createDeepCache(interval);
    return asked.map((prompts) => {
      const kept = deepFeatures(prompts);
      assert.equal(kept.length, prompts.length);
      const isWhole = kept.every(({ value }) => value === undefined);
      for (const [i, prompt] of prompts.entries()) (kept[i] as DeepFeatures).value = prompt;
      return isWhole;
    });
  };

  test('is what every second, third, … of them finds', () => {
    const asked = Array.from({ length: 7 }, () => [nothing, fox]);
    assert.deepEqual(wholeOnes(2, asked), [true, false, true, false, true, false, true]);
    assert.deepEqual(wholeOnes(3, asked), [true, false, false, true, false, false, true]);
  });

  test('is nothing with an interval of 1', () => {
    assert.deepEqual(createDeepCache(1)([nothing, fox]), []);
  });

  test('is nothing where a prompt changes, or guidance begins or ends; from there it is counted anew', () => {
    const asked = [[nothing, fox], [nothing, fox], [nothing, cat], [nothing, cat], [cat], [cat], [cat], [nothing, cat]];
    assert.deepEqual(wholeOnes(3, asked), [true, false, true, false, true, false, false, true]);
  });
});

describe('the last block with the deep features of the same latents, timestep and prompts', () => {
  /** The whole prediction, and that of the last block alone. */
  async function predictTwice(t: { after(cleanUp: () => Promise<void>): void }, bundle: Bundle, prompts = 2) {
    const host = createSessionHost();
    t.after(() => host.close());
    const model = await openModel(bundle, host);
    const { randn } = createNoiseGenerator('cpu', 5);
    const latents = tensor(randn(4 * 10 * 14), [1, 4, 10, 14]);
    const embeddings = tensor(randn(prompts * 77 * 64), [prompts, 77, 64]);
    const deep: DeepFeatures = {};
    const whole = await model.predictNoise(latents, 500.5, embeddings, deep);
    assert.deepEqual(deep.value?.dims, [prompts, bundle.manifest.config.unet.model_channels, 10, 14]);
    assert.deepEqual(await model.predictNoise(latents, 500.5, embeddings), whole);
    const kept = deep.value;
    const shallow = await model.predictNoise(latents, 500.5, embeddings, deep);
    assert.equal(deep.value, kept);
    // What comes of other features is something else.
    const other = { value: tensor(kept?.data.map((value) => 1.5 * value) as Float32Array, kept?.dims ?? []) };
    assert.ok(largestError(await model.predictNoise(latents, 500.5, embeddings, other), whole) > 0.01);
    return { whole, shallow };
  }

  test('gives the whole prediction, for any number of prompts', async (t) => {
    for (const prompts of [1, 3]) {
      const { whole, shallow } = await predictTwice(t, await openEmbeddedBundle(), prompts);
      assert.deepEqual(shallow.dims, whole.dims);
      const error = largestError(shallow, whole);
      t.diagnostic(`error ${error}`);
      assert.ok(error < 1e-5, `${error}`);
    }
  });

  test('also in int8', async (t) => {
    const folder = join(await temporaryFolder(t), 'int8');
    const checkpoint = join(embeddedModelFolder, 'mini.safetensors');
    await convertCheckpoint({ checkpoint, name: 'x', folder, precision: 'int8' });
    const { whole, shallow } = await predictTwice(t, await openBundle(folder));
    const error = largestError(shallow, whole);
    t.diagnostic(`error ${error}`);
    assert.ok(error < 1e-5, `${error}`);
  });

  test('also with a LoRA, whose weights both take from the same file', async (t) => {
    const cacheDir = await temporaryFolder(t);
    const file = encodeLora([layers.linear, layers.conv]);
    const path = join(cacheDir, 'mine.safetensors');
    await writeFile(path, file);
    const sha256 = createHash('sha256').update(file).digest('hex');
    const lora = { name: 'mine', path, sha256, hash: sha256, field: 'prompt', unetWeight: 1, textEncoderWeight: 1 };
    const base = await openEmbeddedBundle();
    const { bundle } = await openMergedBundle(base, [{ ...lora, field: 'prompt' }], { cacheDir });
    assert.notEqual(bundle.graphPath('unet_shallow'), base.graphPath('unet_shallow'));
    const [original, merged] = [await predictTwice(t, base), await predictTwice(t, bundle)];
    assert.ok(largestError(merged.shallow, merged.whole) < 1e-5);
    assert.ok(largestError(merged.whole, original.whole) > 1e-3);
  });

  test('takes no weights of its own', async () => {
    const { manifest, graphPath } = await openEmbeddedBundle();
    assert.equal(Object.hasOwn(manifest.files, 'unet_shallow.weights'), false);
    const graph = await readFile(graphPath('unet_shallow'), 'latin1');
    assert.ok(graph.includes('unet.weights'));
  });
});

describe('pictures that reuse deep features', () => {
  let host: SessionHost;
  let model: DiffusionModel;
  before(async () => {
    host = createSessionHost();
    model = await openModel(await openEmbeddedBundle(), host);
  });
  after(() => host.close());

  /** The pixels, and of each run of the UNet for how many prompts it was, and whether it was whole. */
  async function draw(changes: Partial<GenerateSettings>) {
    const runs: string[] = [];
    const watching = watchPredictions(model, (_latents, _timestep, embeddings, deep) => {
      runs.push(`${deep?.value === undefined ? 'whole' : 'shallow'} ${embeddings.dims[0]}`);
    });
    const { images } = await generate(watching, quickSettings({ watermark: false, ...changes }));
    const { data, info } = await sharp(images[0]?.data).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return { pixels: { data, width: info.width, height: info.height, channels: 3 as const }, runs };
  }
  const [whole, shallow] = ['whole 2', 'shallow 2'];

  test('are close to those that do not: 40 dB and more, and half of the predictions are whole', async (t) => {
    const settings = { prompt: 'a fox in the snow', width: 128, height: 128, steps: 50 };
    const expected = await draw(settings);
    const { pixels, runs } = await draw({ ...settings, deepCache: 2 });
    const noise = psnr(pixels, expected.pixels);
    t.diagnostic(`${noise.toFixed(1)} dB`);
    assert.ok(noise >= 40 && Number.isFinite(noise), `${noise} dB`);
    assert.deepEqual(
      [whole, shallow].map((kind) => runs.filter((run) => run === kind).length),
      [25, 25],
    );
  });

  test('are to the byte what they were with an interval of 1, or without one', async () => {
    const expected = await draw({});
    const one = await draw({ deepCache: 1 });
    assert.deepEqual(one.pixels, expected.pixels);
    assert.deepEqual([one.runs, expected.runs], Array(2).fill(Array(4).fill(whole)));
  });

  test('count predictions: with a sampler that looks twice, the second look reuses the first', async () => {
    const { runs } = await draw({ sampler: 'heun', schedule: 'normal', deepCache: 2 });
    assert.deepEqual(runs, [whole, shallow, whole, shallow, whole, shallow, whole]);
  });

  test('begin each run anew, also the enlarging one', async () => {
    const hires = { scale: 1.5, strength: 0.999, upscaler: 'latent' } as const;
    const { runs } = await draw({ hires, deepCache: 3 });
    assert.deepEqual(runs.slice(0, 7), [whole, shallow, shallow, whole, whole, shallow, shallow]);
  });

  test('and guide in a part of the run, towards several prompts, or towards one that changes', async () => {
    const guided = await draw({ steps: 5, guidanceStart: 0.3, deepCache: 3 });
    assert.deepEqual(guided.runs, ['whole 1', 'shallow 1', whole, shallow, shallow]);
    const edited = await draw({ prompt: 'a [red:green:0.5] apple', promptSyntax: 'a1111', steps: 5, deepCache: 5 });
    assert.deepEqual(edited.runs, [whole, shallow, shallow, whole, shallow]);
    const prompt = ['a fox', 'a cat', 'an apple', 'a blue heart', 'a star'].join(' AND ');
    const several = await draw({ prompt, promptSyntax: 'a1111', deepCache: 2 });
    const runs = ['whole 4', whole, 'shallow 4', shallow];
    assert.deepEqual(several.runs, [...runs, ...runs]);
  });

  test('and have a mask beside the latents, in an inpainting model', async () => {
    const deep: DeepFeatures = {};
    const latents = tensor(new Float32Array(4), [1, 4, 1, 1]);
    let given: DeepFeatures | undefined;
    const inpainting: DiffusionModel = {
      ...model,
      predictNoise: async (joined, _timestep, _embeddings, features) => {
        given = features;
        return joined;
      },
    };
    const mask = tensor(new Float32Array(5), [1, 5, 1, 1]);
    const { dims } = await withInpaintingInput(inpainting, mask).predictNoise(latents, 1, latents, deep);
    assert.deepEqual([dims, given === deep], [[1, 9, 1, 1], true]);
  });
});

function largestError({ data }: Tensor, expected: Tensor): number {
  return data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (expected.data[i] as number))), 0);
}
