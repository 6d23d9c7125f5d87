import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openSafetensors } from '../../../function/src/checkpoint/safetensors.ts';
import { unknownWords } from '../../../function/src/pipeline/read-prompt.ts';
import { createTokenizer } from '../../../function/src/pipeline/tokenizer.ts';
import { embeddedModelFolder, openEmbeddedBundle } from '../../support/embedded-model.ts';

const vocabulary = new Set(['a', 'red', 'apple', 't-shirt', '3d', "jack-o'-lantern"]);

describe('words a model does not know', () => {
  const cases: [string, string[]][] = [
    ['a red apple', []],
    ['A RED Apple!', []],
    ['a red, red: "dragon" (apple)', ['dragon']],
    ['T-shirt 3d', []],
    ['Dragon dragon', ['Dragon', 'dragon']],
    ['été 赤い 🍎🍎', ['été', '赤い', '🍎']],
    ['', []],
    ['  ,,, !!', []],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), () => assert.deepEqual(unknownWords(text, vocabulary), expected));
  }

  test('none are reported for a model of open vocabulary', () => {
    assert.deepEqual(unknownWords('a dragon', undefined), []);
  });
});

test('the embedded model was trained on every word of its vocabulary', async () => {
  const bundle = await openEmbeddedBundle();
  const tokenizer = createTokenizer(await bundle.readTokenizerJson());
  const source = await openSafetensors(join(embeddedModelFolder, 'mini.safetensors'));
  const embeddings = await source.readFloat32(
    'cond_stage_model.transformer.text_model.embeddings.token_embedding.weight',
  );
  await source.close();
  const { width } = bundle.manifest.config.text;
  // The embeddings of tokens that training never showed are zero.
  const isTrained = (word: string) => {
    const tokens = tokenizer.words(word).flatMap(({ tokenIds }) => [...tokenIds]);
    return tokens.every((id) => embeddings.subarray(id * width, (id + 1) * width).some((value) => value !== 0));
  };
  const untrained = bundle.manifest.vocabulary?.filter((word) => !isTrained(word));
  assert.deepEqual(untrained, []);
  // The check can fail: this word's tokens were never seen.
  assert.equal(isTrained('xylophone'), false);
});
