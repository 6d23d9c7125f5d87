import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { cacheEmbeddings } from '../../../function/src/pipeline/prompt/cache-embeddings.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { tensor } from '../../../function/src/runtime/tensor.ts';
import { createSingleModelEngine } from '../../../function/src/single-model-engine.ts';
import { openEmbeddedBundle } from '../../support/embedded-model.ts';
import { quickSettings } from '../../support/settings.ts';

/** Of 16 bytes an answer, which says how often it was asked. */
function createCountingModel() {
  let calls = 0;
  const encodePrompts: DiffusionModel['encodePrompts'] = async () =>
    tensor(new Float32Array(4).fill(++calls), [1, 2, 2]);
  return { encodePrompts } as unknown as DiffusionModel;
}

describe('embeddings that are remembered', () => {
  const answer = async (model: DiffusionModel, ...args: Parameters<DiffusionModel['encodePrompts']>) =>
    (await model.encodePrompts(...args)).data[0];
  const tokens = (...ids: number[]) => [Int32Array.from(ids)];

  test('are those of equal tokens, layer and custom vectors', async () => {
    const model = cacheEmbeddings(createCountingModel());
    assert.equal(await answer(model, tokens(1, 2)), 1);
    assert.equal(await answer(model, tokens(1, 2)), 1);
    assert.equal(await answer(model, tokens(1, 2), 1, []), 1);
    assert.equal(await answer(model, tokens(2, 1)), 2);
    assert.equal(await answer(model, tokens(1, 2), 2), 3);
    assert.equal(await answer(model, tokens(1, 2), 1, [Float32Array.of(0.5)]), 4);
    assert.equal(await answer(model, tokens(1, 2), 1, [Float32Array.of(0.5)]), 4);
    assert.equal(await answer(model, tokens(1, 2), 1, [Float32Array.of(0.25)]), 5);
    assert.equal(await answer(model, [...tokens(1), ...tokens(2)]), 6);
  });

  test('are no more than so many bytes; the longest unused goes first', async () => {
    const model = cacheEmbeddings(createCountingModel(), 40);
    for (const [id, expected] of [
      ...[[1, 1] as const, [2, 2] as const, [1, 1] as const, [3, 3] as const],
      ...[[1, 1] as const, [2, 4] as const, [3, 5] as const],
    ])
      assert.equal(await answer(model, tokens(id)), expected);
    const none = cacheEmbeddings(createCountingModel(), 15);
    assert.equal(await answer(none, tokens(1)), 1);
    assert.equal(await answer(none, tokens(1)), 2);
  });

  test('are not those of a call that failed', async () => {
    let calls = 0;
    const failing = {
      encodePrompts: () =>
        ++calls === 1 ? Promise.reject(new Error('lost')) : Promise.resolve(tensor(new Float32Array(1), [1, 1, 1])),
    } as unknown as DiffusionModel;
    const model = cacheEmbeddings(failing);
    await assert.rejects(answer(model, tokens(1)), /lost/);
    assert.equal(await answer(model, tokens(1)), 0);
  });
});

test('an engine encodes a prompt once, whatever job it comes with, and the files are the same to the byte', async (t) => {
  const bundle = await openEmbeddedBundle();
  let calls = 0;
  const createEngine = () => {
    const engine = createSingleModelEngine(
      [
        {
          info: bundle.manifest.model,
          async open({ host }) {
            const model = await openModel(bundle, host);
            const encodePrompts: DiffusionModel['encodePrompts'] = (...args) => {
              calls += 1;
              return model.encodePrompts(...args);
            };
            return { model: { ...model, encodePrompts } };
          },
        },
      ],
      bundle.manifest.model.name,
      { loras: { list: async () => [], find: async () => [] } },
    );
    t.after(() => engine.close());
    return engine;
  };
  const jobs: Partial<GenerateSettings>[] = [
    { prompt: 'a red apple', promptSyntax: 'a1111' },
    { prompt: 'a (red:1.3) apple', promptSyntax: 'a1111', negativePrompt: 'a fox' },
    { prompt: 'a fox BREAK a red apple', promptSyntax: 'a1111', steps: 2 },
  ];
  const engine = createEngine();
  const encoded: number[] = [];
  for (const job of [...jobs, ...jobs]) {
    calls = 0;
    const used = await engine.generate(quickSettings(job));
    encoded.push(calls);
    if (encoded.length <= jobs.length) continue;
    const fresh = createEngine();
    const alone = await fresh.generate(quickSettings(job));
    await fresh.close();
    assert.deepEqual(Buffer.from(used.images[0]?.data ?? []), Buffer.from(alone.images[0]?.data ?? []));
  }
  // The empty negative prompt and the apple; the fox: weights come after the encoder; nothing that is new.
  assert.deepEqual(encoded, [2, 1, 0, 0, 0, 0]);
});
