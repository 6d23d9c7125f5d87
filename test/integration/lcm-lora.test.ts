import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { createAddOnFolder } from '../../function/src/add-ons/add-on-folder.ts';
import { createLoraFolder } from '../../function/src/add-ons/loras/find-loras.ts';
import { openMergedBundle } from '../../function/src/add-ons/loras/merged-bundle.ts';
import { readLora } from '../../function/src/checkpoint/lora/read-lora.ts';
import type { CheckpointFile, TensorInfo } from '../../function/src/checkpoint/tensor-source.ts';
import { stableDiffusionV1 } from '../../function/src/graphs/model-config.ts';
import { generate } from '../../function/src/pipeline/generate.ts';
import { openModel } from '../../function/src/runtime/open-model.ts';
import { createSessionHost, type SessionHost } from '../../function/src/runtime/session-host.ts';
import { embeddedModelFolder, openEmbeddedBundle, sharedCacheDir, temporaryFolder } from '../support/embedded-model.ts';
import { encodeLcmLora, encodeLcmLoraHeader, lcmLoraTensors } from '../support/lcm-lora.ts';
import { runCli } from '../support/run-cli.ts';
import { quickSettings } from '../support/settings.ts';

/** A file without values. */
const fileOf = (tensors: readonly TensorInfo[]): CheckpointFile => ({
  tensors: new Map(tensors.map((info) => [info.name, info])),
  fileName: 'lcm.safetensors',
  format: 'safetensors',
  nesting: [],
  readFloat32: () => Promise.reject(new Error('There are no values')),
  close: async () => {},
});

describe('the published LCM-LoRA for Stable Diffusion v1', () => {
  const tensors = lcmLoraTensors(stableDiffusionV1);

  test('has the layout that these tests draw with, to the byte', () => {
    // pytorch_lora_weights.safetensors of latent-consistency/lcm-lora-sdv1-5, cf2fced5: its header and its size.
    const header = encodeLcmLoraHeader(tensors);
    const hash = createHash('sha256').update(header).digest('hex');
    assert.equal(hash, '3ca15dde66470e73c8d68dbb9ab64d6e7ad014f525b58193a9a3b161eb6cc263');
    const size = tensors.reduce((sum, { byteLength }) => sum + byteLength, 8 + header.length);
    assert.equal(size, 134_621_556);
  });

  test('is used whole', () => {
    const { changes, unusedTensors } = readLora(fileOf(tensors), stableDiffusionV1, 'lcm');
    assert.equal(tensors.length, 834);
    assert.equal(new Set(changes.map(({ weight }) => weight)).size, 834 / 3);
    assert.equal(unusedTensors, 0);
  });
});

describe('four steps with an LCM-LoRA', () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let folder: string;
  let host: SessionHost;
  const prompt = 'a red apple <lora:lcm:1>';
  const lcm = { sampler: 'lcm', schedule: 'simple', steps: 4 } as const;
  const lorasDir = () => join(folder, 'loras');

  const pixels = async (file: string | Uint8Array) => sharp(file).raw().toBuffer();
  /** The picture, and what the command says of it. */
  async function draw(words: string, ...more: string[]) {
    const path = join(folder, 'picture.png');
    const asked = ['--sampler', 'lcm', '--steps', '4', '--guidance', '1', '--size', '64', '--seed', '7'];
    const { exit, stdout, stderr } = await runCli(['generate', words, ...asked, ...more, '-o', path, '--json'], {
      cwd: folder,
      env: { SAFELIGHT_LORAS: lorasDir(), SAFELIGHT_MODELS_DIR: join(folder, 'models') },
    });
    assert.equal(exit, 0, stderr);
    return { picture: await pixels(path), said: JSON.parse(stdout) };
  }

  /** The picture, and at which timestep noise was predicted for how many prompts. */
  async function count(guidanceScale: number) {
    const asked: [unknown, number][] = [];
    const settings = quickSettings({ ...lcm, prompt, promptSyntax: 'a1111', guidanceScale });
    const loras = await createLoraFolder(createAddOnFolder(lorasDir())).find(settings);
    const merged = await openMergedBundle(await openEmbeddedBundle(), loras, { cacheDir: sharedCacheDir });
    const model = { ...(await openModel(merged.bundle, host)), loras: merged.loras };
    const predictNoise: typeof model.predictNoise = (latents, timestep, embeddings, ...rest) => {
      asked.push([timestep, embeddings.dims[0] as number]);
      return model.predictNoise(latents, timestep, embeddings, ...rest);
    };
    const { images, warnings } = await generate({ ...model, predictNoise }, settings);
    assert.deepEqual(warnings, []);
    return { picture: await pixels(images[0]?.data ?? new Uint8Array()), asked };
  }

  before(async () => {
    host = createSessionHost();
    folder = await temporaryFolder({ after: (cleanUp) => void cleanUps.push(cleanUp) });
    await mkdir(lorasDir());
    const { manifest } = await openEmbeddedBundle();
    await writeFile(join(lorasDir(), 'lcm.safetensors'), encodeLcmLora(manifest.config));
  });
  after(async () => {
    await host.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  test('are four predictions, at timesteps that such models are distilled at; guidance doubles them', async () => {
    const timesteps = [999, 759, 499, 259];
    const { picture, asked } = await count(1);
    assert.deepEqual(
      asked,
      timesteps.map((timestep) => [timestep, 1]),
    );
    assert.deepEqual(
      (await count(1.5)).asked,
      timesteps.map((timestep) => [timestep, 2]),
    );

    const { picture: byCommand, said } = await draw(prompt);
    assert.deepEqual(said.warnings, []);
    const { sampler, schedule, steps, guidanceScale } = said.settings;
    assert.deepEqual({ sampler, schedule, steps, guidanceScale }, { ...lcm, guidanceScale: 1 });
    assert.ok(byCommand.equals(picture));
    assert.ok(!byCommand.equals((await draw('a red apple')).picture));
  });

  test('need no LoRA in the prompt where the model was converted with it', async () => {
    const convert = async (name: string, ...more: string[]) => {
      const checkpoint = join(embeddedModelFolder, 'mini.safetensors');
      const args = ['weights', 'convert', checkpoint, '--name', name, ...more, '--accept-license'];
      const { exit, stderr } = await runCli([...args, '-o', join(folder, 'models', name)], { cwd: folder });
      assert.equal(exit, 0, stderr);
    };
    await convert('plain');
    await convert('quick', '--lora', join(lorasDir(), 'lcm.safetensors'));
    const { picture } = await draw('a red apple', '--model', 'quick');
    assert.ok(picture.equals((await draw(prompt, '--model', 'plain')).picture));
    assert.ok(!picture.equals((await draw('a red apple', '--model', 'plain')).picture));
  });
});
