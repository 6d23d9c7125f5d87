import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateInputSchema } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { convertCheckpoint } from '../../function/src/bundle/convert-checkpoint.ts';
import { createEngine } from '../../function/src/create-engine.ts';
import {
  encodeSafetensors,
  encodeTorchLegacy,
  encodeTorchZip,
  readMiniTensors,
} from '../function/checkpoint/checkpoint-writer.ts';
import { writeDiffusersFolder } from '../function/checkpoint/diffusers-writer.ts';
import { sharedCacheDir, temporaryFolder } from '../support/embedded-model.ts';

test('a checkpoint gives the same weights and the same picture in every format', async (t) => {
  // GIVEN the embedded model's weights as four kinds of checkpoint
  const folder = await temporaryFolder(t);
  const tensors = await readMiniTensors();
  await writeFile(join(folder, 'a.safetensors'), encodeSafetensors(tensors));
  await writeFile(join(folder, 'b.ckpt'), encodeTorchZip(tensors));
  await writeFile(join(folder, 'c.ckpt'), encodeTorchLegacy(tensors));
  await writeDiffusersFolder(join(folder, 'd'), tensors, { layers: 1, vaeLevels: 4 });

  // WHEN each is converted
  const modelsDir = join(folder, 'models');
  const files: unknown[] = [];
  for (const [name, checkpoint] of Object.entries({ a: 'a.safetensors', b: 'b.ckpt', c: 'c.ckpt', d: 'd' })) {
    const path = join(folder, checkpoint);
    files.push((await convertCheckpoint({ checkpoint: path, name, folder: join(modelsDir, name) })).files);
  }

  // THEN the bundles hold the same bytes, and draw the same pixels (the files differ in the model hash they name)
  for (const other of files) assert.deepEqual(other, files[0]);
  const engine = await createEngine({ cacheDir: sharedCacheDir, modelsDir });
  t.after(() => engine.close());
  const draw = async (model: string) => {
    const input = { prompt: 'a fox', model, seed: 1, width: 64, height: 64, steps: 3, sampler: 'euler' } as const;
    const { images } = await engine.generate(engine.resolve(generateInputSchema.parse(input)));
    return sharp(images[0]?.data).raw().toBuffer();
  };
  const picture = await draw('a');
  for (const model of ['b', 'c', 'd']) assert.ok(picture.equals(await draw(model)), model);
});
