import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  addUp,
  loraTag,
  parseLora,
  promptLoras,
  removeNetworks,
} from '../../../function/src/pipeline/prompt/networks.ts';

describe('LoRAs in prompts', () => {
  const lora = (textEncoderWeight: number, unetWeight: number) => ({ name: 'a b', textEncoderWeight, unetWeight });

  test('weights are read as AUTOMATIC1111 reads them', () => {
    const cases: [string, ReturnType<typeof lora> | undefined][] = [
      ['a b', lora(1, 1)],
      ['a b:0.8', lora(0.8, 0.8)],
      ['a b:.5', lora(0.5, 0.5)],
      ['a b:-1', lora(-1, -1)],
      ['a b:0', lora(0, 0)],
      ['a b:0.3:0.7', lora(0.3, 0.7)],
      ['a b:0.3:unet=0.7', lora(0.3, 0.7)],
      ['a b:te=0.3', lora(0.3, 0.3)],
      ['a b:unet=0.7', lora(1, 0.7)],
      ['a b:0.5:lbw=IN02', lora(0.5, 0.5)],
      ['a b:x', undefined],
      ['a b:', undefined],
      ['a b:11', undefined],
      ['a b:Infinity', undefined],
      ['a b:1:1:4', undefined],
      ['a b:1:dyn=4', undefined],
      ['', undefined],
    ];
    for (const [content, expected] of cases) assert.deepEqual(parseLora(content), expected, content);
  });

  test('a tag reads back as what it was made from', () => {
    for (const wanted of [lora(1, 1), lora(0.25, -0.5), lora(0, 1e-7)]) {
      const tag = loraTag(wanted) ?? '';
      assert.deepEqual(promptLoras({ prompt: `x ${tag} y`, promptSyntax: 'a1111' }), [wanted]);
    }
    for (const name of ['a:b', 'a>b', 'a=b']) assert.equal(loraTag({ ...lora(1, 1), name }), undefined);
  });

  test('the same name counts once, with the sum', () => {
    assert.deepEqual(addUp([lora(1, 0.5), { ...lora(1, 1), name: 'c' }, lora(-0.25, 0.25)]), [
      lora(0.75, 0.75),
      { ...lora(1, 1), name: 'c' },
    ]);
  });

  test('what has an effect is taken out in silence', () => {
    const read = removeNetworks('a <lora:x:1> b', 'prompt', (name) => name === 'x');
    assert.deepEqual(read, { text: 'a  b', warnings: [] });
  });
});
