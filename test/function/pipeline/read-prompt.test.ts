import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ModelInfo } from '@safelight/sdk/contract';
import { openSafetensors } from '../../../function/src/checkpoint/safetensors.ts';
import { createClipTokenizerJson } from '../../../function/src/pipeline/clip-tokenizer-json.ts';
import { readPrompt, unknownWords } from '../../../function/src/pipeline/prompt/read-prompt.ts';
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

const clipTokenizer = createTokenizer(await createClipTokenizerJson());

describe('how a prompt is read', () => {
  const tokenizer = clipTokenizer;
  const model = { tokenizer, vocabulary: undefined, info: { name: 'any' } as ModelInfo };
  const read = (prompt: string, syntax: 'a1111' | 'plain' = 'a1111') =>
    readPrompt(model, 'prompt', prompt, { syntax, steps: 20 });
  const ids = (text: string) => tokenizer.words(text).flatMap(({ tokenIds }) => tokenIds);

  test('without syntax both ways are the same', () => {
    const [a1111, plain] = [read('a red apple'), read('a red apple', 'plain')];
    assert.deepEqual(a1111.texts, plain.texts);
    assert.deepEqual(a1111.texts[0]?.chunks, [ids('a red apple').map((id) => ({ id, weight: 1 }))]);
  });

  test('plain takes brackets for brackets and leaves out what does not fit', () => {
    assert.deepEqual(
      read('a (red:2) [apple] AND', 'plain').texts[0]?.chunks[0]?.map(({ id }) => id),
      ids('a (red:2) [apple] AND'),
    );
    const long = read(`${'cat '.repeat(80)}dog`, 'plain');
    assert.equal(long.texts[0]?.chunks.length, 1);
    assert.equal(long.texts[0]?.chunks[0]?.length, 75);
    assert.equal(long.warnings[0]?.code, 'prompt_truncated');
  });

  test('a1111 weighs, switches and joins', () => {
    const { parts, texts } = read('a (red:2) [apple:pear:0.5] AND a house :0.5');
    assert.deepEqual(
      texts.map(({ text }) => text),
      ['a (red:2) apple', 'a (red:2) pear', ' a house'],
    );
    assert.deepEqual(parts, [
      {
        weight: 1,
        schedule: [
          { until: 10, text: 0 },
          { until: 20, text: 1 },
        ],
      },
      { weight: 0.5, schedule: [{ until: 20, text: 2 }] },
    ]);
    assert.deepEqual(
      texts[0]?.chunks[0]?.map(({ weight }) => weight),
      [1, 2, 1],
    );
  });

  test('AND in a negative prompt is a word', () => {
    const negative = readPrompt(model, 'negativePrompt', 'a AND b', { syntax: 'a1111', steps: 20 });
    assert.equal(negative.parts.length, 1);
  });

  test('curly quotes read as straight ones', () => {
    assert.deepEqual(read('don’t say “no”').texts[0]?.chunks, read(`don't say "no"`).texts[0]?.chunks);
  });

  test('networks are left out and reported', () => {
    const { texts, warnings } = read('a cat <lora:style:0.8>');
    assert.equal(texts[0]?.text, 'a cat ');
    assert.deepEqual(warnings[0]?.code === 'networks_ignored' && warnings[0].networks, ['<lora:style:0.8>']);
  });

  test('alternatives without end are refused', () => {
    const prompt = `[${Array.from({ length: 300 }, (_, i) => `n${i}`).join('|')}] ${'cat '.repeat(80)}`;
    assert.throws(() => readPrompt(model, 'prompt', prompt, { syntax: 'a1111', steps: 1000 }), {
      code: 'invalid_input',
      field: 'prompt',
    });
  });

  test('unknown words are looked for in what is said, not in the syntax', () => {
    const vocabulary = new Set(['a', 'cat', 'dog']);
    const { warnings } = readPrompt({ ...model, vocabulary }, 'prompt', 'a [cat:dog:5] AND (newt:1.2) BREAK a', {
      syntax: 'a1111',
      steps: 20,
    });
    assert.deepEqual(
      warnings.map((warning) => warning.code === 'unknown_words' && warning.words),
      [['newt']],
    );
  });
});
