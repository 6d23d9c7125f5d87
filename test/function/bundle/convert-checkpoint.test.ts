import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { generateInputSchema } from '@safelight/sdk/contract';
import { convertCheckpoint } from '../../../function/src/bundle/convert-checkpoint.ts';
import { openBundle } from '../../../function/src/bundle/open-bundle.ts';
import { createEngine } from '../../../function/src/create-engine.ts';
import { selfCheck } from '../../../function/src/runtime/self-check.ts';
import { embeddedModelFolder, sharedCacheDir, temporaryFolder } from '../../support/embedded-model.ts';

const checkpoint = join(embeddedModelFolder, 'mini.safetensors');

describe('converting a checkpoint', () => {
  test('makes a model that can be asked for by name and carries its licence', async (t) => {
    const modelsDir = await temporaryFolder(t);
    const progress: number[] = [];
    const manifest = await convertCheckpoint({
      checkpoint,
      name: 'mine',
      folder: join(modelsDir, 'mine'),
      onProgress: (written, total) => progress.push(written / total),
    });
    assert.equal(manifest.source.sha256, '97ae166e2d1d4645cc044a1c506480faffb8581021173af33fa6b9f403d3c034');
    assert.equal(manifest.licenseAccepted, true);
    assert.equal(progress.at(-1), 1);
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b),
    );

    const engine = await createEngine({ cacheDir: sharedCacheDir, modelsDir });
    t.after(() => engine.close());
    const info = engine.models().find(({ name }) => name === 'mine');
    assert.match(info?.license.useRestrictions ?? '', /minors/);
    const input = generateInputSchema.parse({ prompt: 'a fox', model: 'mine', width: 64, height: 64, steps: 2 });
    assert.equal((await engine.generate(engine.resolve(input))).images.length, 1);
    // The embedded model is still there, and still the default.
    assert.equal(engine.resolve(generateInputSchema.parse({ prompt: 'a fox' })).model, 'mini');
  });

  test('twice gives the same bytes, to the manifest', async (t) => {
    const folder = await temporaryFolder(t);
    for (const target of ['a', 'b'])
      await convertCheckpoint({ checkpoint, name: 'mine', folder: join(folder, target) });
    const [a, b] = await Promise.all(['a', 'b'].map((target) => readFile(join(folder, target, 'manifest.json'))));
    assert.ok(a && b?.equals(a));
  });

  test('for a GPU: half the bytes, offered only to an engine that draws with one', async (t) => {
    const modelsDir = await temporaryFolder(t);
    const options = { checkpoint, name: 'mine' };
    const cpu = await convertCheckpoint({ ...options, folder: join(modelsDir, 'mine') });
    const cuda = await convertCheckpoint({ ...options, folder: join(modelsDir, 'mine-cuda'), target: 'cuda' });
    assert.deepEqual([cpu.target, cpu.precision, cuda.target, cuda.precision], ['cpu', 'fp32', 'cuda', 'fp16']);
    const weights = (manifest: typeof cpu) => manifest.files['unet.weights']?.bytes ?? 0;
    assert.ok(weights(cuda) < 0.51 * weights(cpu), `${weights(cuda)} of ${weights(cpu)} bytes`);

    for (const device of ['cpu', 'cuda'] as const) {
      const engine = await createEngine({ cacheDir: sharedCacheDir, modelsDir, device });
      t.after(() => engine.close());
      assert.deepEqual(
        engine.models().map(({ name }) => name),
        ['mini', 'mine'],
      );
    }
  });

  test('in int8: the UNet in a third of the bytes, the other networks as they are', async (t) => {
    const modelsDir = await temporaryFolder(t);
    const options = { checkpoint, name: 'mine' };
    const whole = await convertCheckpoint({ ...options, folder: join(modelsDir, 'mine') });
    const int8 = await convertCheckpoint({ ...options, folder: join(modelsDir, 'int8'), precision: 'int8' });
    assert.deepEqual([int8.target, int8.precision], ['cpu', 'int8']);
    const { 'unet.onnx': graph, 'unet_shallow.onnx': shallow, 'unet.weights': weights, ...rest } = int8.files;
    const {
      'unet.onnx': wholeGraph,
      'unet_shallow.onnx': wholeShallow,
      'unet.weights': wholeWeights,
      ...wholeRest
    } = whole.files;
    assert.deepEqual(rest, wholeRest);
    const share = (weights?.bytes ?? 0) / (wholeWeights?.bytes ?? 1);
    assert.ok(share < 1 / 3, `${share} of the bytes`);
    const checks = await selfCheck(await openBundle(join(modelsDir, 'int8')));
    assert.ok(checks.some(({ component }) => component === 'unet'));
  });

  test('a precision that the target does not have is refused before anything is read', async (t) => {
    const folder = join(await temporaryFolder(t), 'mine');
    for (const [target, precision, message] of [
      ['cuda', 'int8', 'precision must be fp16 for cuda'],
      ['cpu', 'fp16', 'precision must be fp32 or int8 for cpu'],
    ] as const) {
      const converting = convertCheckpoint({ checkpoint: 'nowhere.ckpt', name: 'mine', folder, target, precision });
      await assert.rejects(converting, { code: 'invalid_input', field: 'precision', message });
    }
  });

  test('drawing with a GPU that is not there says what is missing', async (t) => {
    const engine = await createEngine({ cacheDir: sharedCacheDir, device: 'cuda' });
    t.after(() => engine.close());
    const settings = engine.resolve(generateInputSchema.parse({ prompt: 'a fox' }));
    await assert.rejects(engine.generate(settings), { code: 'unavailable', message: /^No usable GPU: CUDA 12 / });
  });

  test('does not touch a model that is there', async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(convertCheckpoint({ checkpoint, name: 'mine', folder }), { code: 'conflict' });
    assert.deepEqual(await readdir(folder), []);
  });

  test('an abort in the middle leaves nothing', async (t) => {
    const folder = await temporaryFolder(t);
    const controller = new AbortController();
    const reason = new Error('enough');
    const converting = convertCheckpoint({
      checkpoint,
      name: 'mine',
      folder: join(folder, 'mine'),
      signal: controller.signal,
      onProgress: (written, total) => written > total / 2 && controller.abort(reason),
    });
    await assert.rejects(converting, reason);
    assert.deepEqual(await readdir(folder), []);
  });

  test('what is no checkpoint is refused, and leaves nothing', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'notes.txt'), 'not a model, but long enough to be one at first sight');
    const converting = convertCheckpoint({
      checkpoint: join(folder, 'notes.txt'),
      name: 'mine',
      folder: join(folder, 'mine'),
    });
    await assert.rejects(converting, { name: 'FunctionError', message: /notes\.txt/ });
    assert.deepEqual(await readdir(folder), ['notes.txt']);
  });
});
