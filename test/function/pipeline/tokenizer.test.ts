import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { createClipTokenizerJson } from '../../../function/src/pipeline/clip-tokenizer-json.ts';
import { createTokenizer } from '../../../function/src/pipeline/tokenizer.ts';

interface Goldens {
  texts: [text: string, tokenIds: number[]][];
  longTexts: [part: string, times: number, tokenCount: number, firstTokenIds: number[]][];
}

interface TokenizerJson {
  added_tokens: { id: number; content: string }[];
  model: { vocab: Record<string, number>; merges: string[] };
}

const START = 49406;
const END = 49407;

const fixture = new URL('../../fixtures/tokenizer/clip-tokens.json', import.meta.url);
const goldens = JSON.parse(readFileSync(fixture, 'utf8')) as Goldens;

// Through text, as a bundle stores it.
const serialized = JSON.stringify(await createClipTokenizerJson());
const tokenizer = createTokenizer(JSON.parse(serialized));

function idsOf(text: string): number[] {
  return tokenizer.words(text).flatMap((word) => word.tokenIds);
}

/** Rust lowers every Σ to σ; JavaScript and Python, as the original, write ς at the end of a word. */
const FINAL_SIGMA = 'ΑΒΓΔ ΟΔΟΣ ΣΑΣ σας';

describe('tokens are those of the Hugging Face CLIP tokenizer', () => {
  it('for at least sixty texts', () => assert.ok(goldens.texts.length >= 60));

  for (const [text, tokenIds] of goldens.texts.filter(([text]) => text !== FINAL_SIGMA)) {
    it(`for ${JSON.stringify(text.slice(0, 60))}`, () => assert.deepEqual(idsOf(text), tokenIds));
  }

  for (const [part, times, tokenCount, firstTokenIds] of goldens.longTexts) {
    it(`for ${JSON.stringify(part)} ${times} times`, () => {
      const ids = idsOf(part.repeat(times));
      assert.equal(ids.length, tokenCount);
      assert.deepEqual(ids.slice(0, 80), firstTokenIds);
    });
  }

  it('but for a capital sigma at the end of a word, which becomes the final one', () => {
    assert.deepEqual(idsOf('ΟΔΟΣ'), idsOf('οδος'));
  });
});

describe('encode', () => {
  it('wraps a text in start and end and pads with end', () => {
    const { tokenIds, tokenCount, truncatedText } = tokenizer.encode('a photo of a cat');
    assert.equal(tokenIds.length, 77);
    assert.deepEqual([...tokenIds.slice(0, 8)], [START, 320, 1125, 539, 320, 2368, END, END]);
    assert.ok(tokenIds.slice(6).every((id) => id === END));
    assert.equal(tokenCount, 5);
    assert.equal(truncatedText, undefined);
  });

  it('makes start and then only end of an empty text', () => {
    const { tokenIds, tokenCount, truncatedText } = tokenizer.encode('');
    assert.deepEqual([...tokenIds], [START, ...Array<number>(76).fill(END)]);
    assert.equal(tokenCount, 0);
    assert.equal(truncatedText, undefined);
  });

  it('fits 75 tokens, no more', () => {
    const full = tokenizer.encode('cat '.repeat(75));
    assert.deepEqual([...full.tokenIds], [START, ...Array<number>(75).fill(2368), END]);
    assert.equal(full.truncatedText, undefined);

    const over = tokenizer.encode(`${'cat '.repeat(75)}  Dog!\n `);
    assert.deepEqual(over.tokenIds, full.tokenIds);
    assert.equal(over.tokenCount, 77);
    assert.equal(over.truncatedText, 'dog!');
  });

  it('reports a word that fits only in part as cut', () => {
    const text = `a supercalifragilisticexpialidocious cat`;
    const { tokenIds, truncatedText } = tokenizer.encode(text, { maxLength: 5 });
    assert.deepEqual([...tokenIds], [START, ...idsOf(text).slice(0, 3), END]);
    assert.equal(truncatedText, 'supercalifragilisticexpialidocious cat');
  });

  it('reports the rest of any text whole', () => {
    for (const [text] of goldens.texts) {
      const words = tokenizer.words(text);
      const { truncatedText } = tokenizer.encode(text, { maxLength: 6 });
      let tokens = 0;
      const cut = words.findIndex((word) => {
        tokens += word.tokenIds.length;
        return tokens > 4;
      });
      if (cut === -1) assert.equal(truncatedText, undefined);
      else assert.deepEqual(tokenizer.words(truncatedText ?? ''), words.slice(cut), JSON.stringify(text));
    }
  });

  it('has room for nothing at a length of 2 and fails below', () => {
    const { tokenIds, truncatedText } = tokenizer.encode('cat', { maxLength: 2 });
    assert.deepEqual([...tokenIds], [START, END]);
    assert.equal(truncatedText, 'cat');
    assert.throws(() => tokenizer.encode('cat', { maxLength: 1 }), RangeError);
  });

  it('takes half of a surrogate pair for the replacement character', () => {
    for (const half of ['\ud83d', '\ude00']) {
      const { tokenIds } = tokenizer.encode(`a ${half} cat`);
      assert.deepEqual(tokenIds, tokenizer.encode('a \ufffd cat').tokenIds);
    }
  });

  it('takes 10,000 characters without trouble', () => {
    for (const part of ['word ', 'z', '!', '猫', '7']) {
      const text = part.repeat(10_000 / part.length);
      const startedAt = performance.now();
      tokenizer.encode(text);
      const elapsedMs = performance.now() - startedAt;
      // About 50 ms on a laptop; the bound catches quadratic time.
      assert.ok(elapsedMs < 2000, `${JSON.stringify(part)} took ${elapsedMs} ms`);
    }
  });
});

describe('words', () => {
  it('gives normalised words with their tokens', () => {
    assert.deepEqual(tokenizer.words("Don't PANIC"), [
      { word: 'don', tokenIds: [847] },
      { word: "'t", tokenIds: [713] },
      { word: 'panic', tokenIds: [14124] },
    ]);
  });

  it('keeps what lies outside ASCII readable', () => {
    const words = tokenizer.words('Café 猫, 👨‍👩‍👧‍👦 שלום').map(({ word }) => word);
    assert.deepEqual(words, ['café', '猫', ',', '👨‍👩‍👧‍👦', 'שלום']);
  });

  it('shows a special token that was typed as one word', () => {
    assert.deepEqual(tokenizer.words('cat<|endoftext|>dog'), [
      { word: 'cat', tokenIds: [2368] },
      { word: '<|endoftext|>', tokenIds: [END] },
      { word: 'dog', tokenIds: [1929] },
    ]);
  });

  it('finds none in whitespace', () => assert.deepEqual(tokenizer.words(' \n\t '), []));
});

describe('createClipTokenizerJson', () => {
  const json = JSON.parse(serialized) as TokenizerJson;

  it('holds the merges that openai/clip-vit-large-patch14 publishes as merges.txt', () => {
    const mergesFile = ['#version: 0.2', ...json.model.merges, ''].join('\n');
    assert.equal(
      createHash('sha256').update(mergesFile).digest('hex'),
      '9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a',
    );
  });

  it('has 49408 entries, each id once', () => {
    const ids = new Set(Object.values(json.model.vocab));
    assert.equal(ids.size, 49408);
    assert.equal(Math.min(...ids), 0);
    assert.equal(Math.max(...ids), END);
  });

  it('names start and end', () => {
    const tokens = json.added_tokens.map(({ id, content }) => [id, content]);
    assert.deepEqual(tokens, [
      [START, '<|startoftext|>'],
      [END, '<|endoftext|>'],
    ]);
  });
});

describe('createTokenizer', () => {
  it('rejects what is not a tokenizer', () => {
    for (const notATokenizer of [undefined, null, 'text', {}]) {
      assert.throws(() => createTokenizer(notATokenizer), Error);
    }
  });

  it("rejects another model's tokenizer", () => {
    const other = {
      ...JSON.parse(serialized),
      added_tokens: [],
      model: { type: 'BPE', vocab: { a: 0 }, merges: [], unk_token: 'a' },
    };
    assert.throws(() => createTokenizer(other), /not a CLIP tokenizer/);
  });
});
