import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Bundle } from '../../function/src/bundle/open-bundle.ts';
import type { Engine } from '../../function/src/engine.ts';
import { openModel } from '../../function/src/runtime/open-model.ts';
import { createSingleModelEngine, type OpenableModel } from '../../function/src/single-model-engine.ts';
import { openEmbeddedBundle } from '../support/embedded-model.ts';
import { quickSettings } from '../support/settings.ts';

describe('an engine of one model at a time', () => {
  let bundle: Bundle;
  const events: string[] = [];
  let engine: Engine;

  /** The embedded model, also under another name. */
  const openable = (name: string): OpenableModel => ({
    info: { ...bundle.manifest.model, name },
    async open({ host, settings }) {
      events.push(`open ${name}`);
      return { model: await openModel(bundle, host, settings) };
    },
  });

  before(async () => {
    bundle = await openEmbeddedBundle();
    engine = createSingleModelEngine([openable('mini'), openable('twin')], 'mini', { loras: noLoras });
  });
  after(() => engine.close());

  const draw = async (seed: number, model = 'mini') => {
    const { images } = await engine.generate(quickSettings({ seed, model, width: 128, height: 128 }), {
      onPhase: ({ name }) => void (events.at(-1) !== `${name} ${seed}` && events.push(`${name} ${seed}`)),
    });
    events.push(`file ${seed}`);
    return Buffer.from(images[0]?.data ?? []);
  };

  test('begins the next picture while one is decoded, and draws each as if alone', async () => {
    const alone = [await draw(1), await draw(2)];
    events.length = 0;
    assert.deepEqual(await Promise.all([draw(1), draw(2)]), alone);
    const at = (event: string) => events.indexOf(event);
    assert.ok(at('encoding 2') > at('decoding 1'), `not before the first is drawn: ${events}`);
    assert.ok(at('encoding 2') < at('file 1'), `not after all is done: ${events}`);
  });

  test('keeps a model open until its last picture is a file', async () => {
    events.length = 0;
    await Promise.all([draw(3), draw(4, 'twin'), draw(5)]);
    const kept = events.filter((event) => /^(open|file)/.test(event));
    assert.deepEqual(kept, ['file 3', 'open twin', 'file 4', 'open mini', 'file 5']);
  });
});

const noLoras = { list: async () => [], find: async () => [] };
