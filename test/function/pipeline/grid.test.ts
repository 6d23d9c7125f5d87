import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type GenerateInput, type Grid, generateInputSchema, type Phase } from '@safelight/sdk/contract';
import sharp from 'sharp';
import { createEngine } from '../../../function/src/create-engine.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { gridPairs } from '../../../function/src/grid.ts';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { generate } from '../../../function/src/pipeline/generate.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { createSessionHost } from '../../../function/src/runtime/session-host.ts';
import { openEmbeddedBundle, sharedCacheDir } from '../../support/embedded-model.ts';

describe('drawing a grid with the embedded model', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({ cacheDir: sharedCacheDir });
  });
  after(() => engine.close());

  const quick = { width: 64, height: 64, steps: 2, seed: 7 };
  const settingsOf = (input: GenerateInput) => engine.resolve(generateInputSchema.parse({ ...quick, ...input }));
  const hexOf = (images: readonly { data: Uint8Array }[]) =>
    images.map(({ data }) => Buffer.from(data).toString('hex'));

  test('every picture has the bytes of the one drawn alone, and the sheet comes last', async () => {
    const grid: Grid = {
      x: [{ steps: 2 }, { steps: 3 }],
      y: [{ sampler: 'euler_a' }, { sampler: 'ddim' }, { sampler: 'DPM++ 2M' }],
    };
    const { images } = await engine.generate(settingsOf({ prompt: 'a red apple', grid }));
    const alone: string[] = [];
    for (const { column, row } of gridPairs(grid)) {
      const one = await engine.generate(settingsOf({ prompt: 'a red apple', ...column, ...row } as GenerateInput));
      alone.push(...hexOf(one.images));
    }
    assert.deepEqual(hexOf(images.slice(0, 6)), alone);
    assert.equal(new Set(alone).size, 6);
    assert.deepEqual(
      images.map(({ index }) => index),
      [0, 1, 2, 3, 4, 5, 6],
    );
    const sheet = images[6] ?? assert.fail();
    assert.ok(sheet.width > 2 * 64 && sheet.height > 3 * 64);
    const parameters = Buffer.from(sheet.data).toString('latin1');
    assert.match(parameters, /Script: X\/Y\/Z plot, X Type: steps, X Values: "2, 3", Y Type: sampler/);
  });

  test('from a picture: each strength as if alone', async () => {
    const init = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'orange' } })
      .png()
      .toBuffer();
    const start = { prompt: 'a red apple', initImage: `uploads/local/${'a'.repeat(64)}.png` };
    const options = { readUpload: async () => new Uint8Array(init) };
    const strengths = [{ strength: 0.5 }, { strength: 1 }];
    const { images } = await engine.generate(settingsOf({ ...start, grid: { x: strengths } }), options);
    for (const [index, entry] of strengths.entries()) {
      const alone = await engine.generate(settingsOf({ ...start, ...entry }), options);
      assert.deepEqual(hexOf(alone.images), hexOf(images.slice(index, index + 1)));
    }
  });

  test('progress runs over all pictures, and a cancel stops between two steps', async () => {
    const settings = settingsOf({ prompt: 'a red apple', grid: { x: [{ steps: 2 }, { steps: 4 }] } });
    const phases: Phase[] = [];
    await engine.generate(settings, { onPhase: (phase) => phases.push(phase) });
    const steps = phases.flatMap((phase) => (phase.name === 'denoising' ? [phase] : []));
    assert.deepEqual(
      steps.map(({ image, count, step, steps: of }) => [image, count, step, of]),
      [...[0, 1, 2].map((step) => [0, 2, step, 2]), ...[0, 1, 2, 3, 4].map((step) => [1, 2, step, 4])],
    );
    const controller = new AbortController();
    const seen: Phase[] = [];
    const stopped = engine.generate(settings, {
      signal: controller.signal,
      onPhase(phase) {
        seen.push(phase);
        if (phase.name === 'denoising' && phase.image === 1 && phase.step === 1) controller.abort(new Error('enough'));
      },
    });
    await assert.rejects(stopped, /enough/);
    assert.deepEqual(seen.at(-1), { name: 'denoising', image: 1, count: 2, step: 1, steps: 4 });
  });

  test('a prompt that pictures share goes through the text encoder once, and its warning is given once', async (t) => {
    const host = createSessionHost();
    t.after(() => host.close());
    const opened = await openModel(await openEmbeddedBundle(), host);
    let calls = 0;
    const counting: DiffusionModel = {
      ...opened,
      encodePrompts: (...args) => {
        calls++;
        return opened.encodePrompts(...args);
      },
    };
    const prompts = [{ prompt: 'a red apple' }, { prompt: 'a zyzzyva' }];
    const settings = settingsOf({ prompt: 'a', grid: { x: [{ seed: 1 }, { seed: 2 }, { seed: 3 }], y: prompts } });
    const { warnings } = await generate(counting, settings);
    // Each of two prompts, with the empty negative prompt.
    assert.equal(calls, 4);
    assert.equal(warnings.length, 1);
  });
});
