import assert from 'node:assert/strict';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type GenerateInput, generateInputSchema } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { convertCheckpoint } from '../../../function/src/bundle/convert-checkpoint.ts';
import { openBundle } from '../../../function/src/bundle/open-bundle.ts';
import { openPreviewDecoder } from '../../../function/src/checkpoint/open-preview-decoder.ts';
import { createEngine } from '../../../function/src/create-engine.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { stableDiffusionV1 } from '../../../function/src/graphs/model-config.ts';
import { selfCheck } from '../../../function/src/runtime/self-check.ts';
import { embeddedModelFolder, sharedCacheDir, temporaryFolder } from '../../support/embedded-model.ts';
import { writePreviewDecoder } from '../../support/preview-decoder.ts';
import { corruptWith } from '../checkpoint/corrupt-with.ts';

const checkpoint = join(embeddedModelFolder, 'mini.safetensors');
const open = (path: string) => openPreviewDecoder(path, stableDiffusionV1);

describe('files that hold no preview decoder', () => {
  test('one that lacks a tensor', async (t) => {
    const change = (name: string, shape: readonly number[]) => (name === 'taesd_decoder.7.weight' ? undefined : shape);
    const path = await writePreviewDecoder(await temporaryFolder(t), { change });
    const message =
      /^taesd_decoder\.safetensors is no TAESD decoder for Stable Diffusion v1: it lacks taesd_decoder\.7/;
    await assert.rejects(open(path), corruptWith(message, 'invalid_input'));
  });

  test('one for latents of 16 channels, as Stable Diffusion 3 has them', async (t) => {
    const change = (name: string, shape: readonly number[]) =>
      name === 'taesd_decoder.1.weight' ? [64, 16, 3, 3] : shape;
    const path = await writePreviewDecoder(await temporaryFolder(t), { change });
    await assert.rejects(
      open(path),
      corruptWith(/1\.weight has the shape \[64,16,3,3\] where .*\[64,4,3,3\]/, 'invalid_input'),
    );
  });

  test('a whole model, a damaged file, a pickle that calls something', async (t) => {
    await assert.rejects(open(checkpoint), corruptWith(/is no TAESD decoder/, 'invalid_input'));
    const path = await writePreviewDecoder(await temporaryFolder(t));
    await truncate(path, 100_000);
    await assert.rejects(open(path), corruptWith(/cannot be read/));
    const hostile = join(import.meta.dirname, '../../fixtures/checkpoints/torch-2.9/os-system.zip.ckpt');
    await assert.rejects(open(hostile), corruptWith(/refused/));
  });

  test('a conversion with one leaves nothing', async (t) => {
    const folder = join(await temporaryFolder(t), 'mine');
    await assert.rejects(convertCheckpoint({ checkpoint, name: 'mine', folder, previewDecoder: checkpoint }), {
      code: 'invalid_input',
    });
    await assert.rejects(readFile(folder), { code: 'ENOENT' });
  });
});

describe('a model that was converted with a preview decoder', () => {
  let engine: Engine;
  let folder: string;
  const cleanUps: (() => Promise<void>)[] = [];

  before(async () => {
    const modelsDir = await temporaryFolder({ after: (cleanUp) => cleanUps.push(cleanUp) });
    folder = join(modelsDir, 'mine');
    await convertCheckpoint({ checkpoint, name: 'mine', folder, previewDecoder: await writePreviewDecoder(modelsDir) });
    engine = await createEngine({ cacheDir: sharedCacheDir, modelsDir });
  });
  after(async () => {
    await engine.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  const draw = async (changes: Partial<GenerateInput>) => {
    const input = { prompt: 'a fox', model: 'mine', width: 64, height: 96, steps: 2, seed: 5, ...changes };
    const { images } = await engine.generate(engine.resolve(generateInputSchema.parse(input)));
    const data = images[0]?.data;
    const { width, height, comments } = await sharp(data).metadata();
    return { size: [width, height], pixels: await sharp(data).raw().toBuffer(), text: comments?.[0]?.text ?? '' };
  };

  test('draws with it when it is asked to, and says so in the file', async () => {
    const full = await draw({});
    const preview = await draw({ decoder: 'preview' });
    assert.deepEqual(preview.size, [64, 96]);
    assert.ok(!preview.pixels.equals(full.pixels));
    assert.match(preview.text, /, VAE Decoder: TAESD, /);
    assert.doesNotMatch(full.text, /VAE Decoder/);
    assert.ok((await draw({ decoder: 'full' })).pixels.equals(full.pixels));
  });

  test('enlarges with it, too', async () => {
    const hires = { scale: 2, upscaler: 'lanczos' } as const;
    const { size, pixels } = await draw({ decoder: 'preview', hires });
    assert.deepEqual(size, [128, 192]);
    assert.ok(!pixels.equals((await draw({ hires })).pixels));
  });

  test('is checked whole', async () => {
    const checks = await selfCheck(await openBundle(folder));
    assert.deepEqual(
      checks.map(({ component }) => component),
      ['text_encoder', 'unet', 'vae_decoder', 'preview_decoder'],
    );
  });

  test('a model without one refuses, naming the field', async () => {
    await assert.rejects(draw({ model: 'mini', decoder: 'preview' }), {
      code: 'invalid_input',
      field: 'decoder',
      message: /The model mini has no preview decoder: convert it with --preview-decoder/,
    });
  });
});
