import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAttention } from '../../../function/src/pipeline/prompt/attention.ts';
import { cutIntoChunks, VECTOR_ID } from '../../../function/src/pipeline/prompt/chunks.ts';
import { splitComposition } from '../../../function/src/pipeline/prompt/composition.ts';
import { createEmbeddingFinder } from '../../../function/src/pipeline/prompt/embeddings.ts';
import { emphasize } from '../../../function/src/pipeline/prompt/encode-prompt.ts';
import { readPromptEditing } from '../../../function/src/pipeline/prompt/prompt-editing.ts';
import { straightenQuotes } from '../../../function/src/pipeline/prompt/straighten-quotes.ts';
import type { Tokenizer } from '../../../function/src/pipeline/tokenizer.ts';
import goldens from '../../fixtures/prompts/a1111.json' with { type: 'json' };

const schedules = goldens.schedules as [prompt: string, steps: number, schedule: [number, string][]][];
const attention = goldens.attention as [prompt: string, parts: [string, number][]][];
const compositions = goldens.compositions as [prompt: string, parts: [string, number][]][];
const chunks = goldens.chunks as [prompt: string, chunks: [ids: number[], weights: number[]][]][];

/** Its grammar is ambiguous where brackets do not match; here the original, but not we, reads `[x:2]` as mere text. */
const AMBIGUOUS = '[x:2])\\(:3 :1.2)BREAK :1.2)';

describe('prompt editing says at each step what AUTOMATIC1111 says', () => {
  it('for at least four hundred prompts and numbers of steps', () => assert.ok(schedules.length >= 400));

  for (const [prompt, steps, schedule] of schedules.filter(([prompt]) => prompt !== AMBIGUOUS)) {
    it(`${JSON.stringify(prompt)}, ${steps} steps`, () => {
      const actual = readPromptEditing(prompt, steps).map(({ until, text }) => [until, text]);
      assert.deepEqual(actual, schedule);
    });
  }
});

describe('attention gives the weights of AUTOMATIC1111', () => {
  for (const [prompt, parts] of attention) {
    it(JSON.stringify(prompt), () => {
      const actual = parseAttention(prompt);
      assert.deepEqual(
        actual.map(({ text }) => text),
        parts.map(([text]) => text),
      );
      for (const [i, { weight }] of actual.entries()) {
        assert.ok(Math.abs(weight - (parts[i]?.[1] ?? Number.NaN)) < 1e-12, `${weight} is not ${parts[i]?.[1]}`);
      }
    });
  }

  it('takes a weight that is no number for text', () => {
    assert.deepEqual(parseAttention('(a:1.2.3)'), [{ text: 'a:1.2.3)', weight: 1.1 }]);
  });
});

describe('AND gives the parts of AUTOMATIC1111', () => {
  for (const [prompt, parts] of compositions) {
    const expected = parts.map(([text, weight]) => ({ text, weight }));
    it(JSON.stringify(prompt), () => assert.deepEqual(splitComposition(prompt), expected));
  }

  it('but a number at the end of a prompt without AND is no weight', () => {
    assert.deepEqual(splitComposition('a clock at 12:30'), [{ text: 'a clock at 12:30', weight: 1 }]);
  });
});

/** Words by length, commas as 1, as in the recipe. */
const wordLengths = {
  words: (text: string) =>
    text
      .replaceAll(',', ' , ')
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => ({ word, tokenIds: [word === ',' ? 1 : 100 + word.length] })),
} as Tokenizer;

describe('long prompts are cut where AUTOMATIC1111 cuts them', () => {
  for (const [prompt, expected] of chunks) {
    it(JSON.stringify(prompt.replace(/(\w+ ){20,}/g, (run) => `${run.split(' ').length - 1} words `)), () => {
      const actual = cutIntoChunks(parseAttention(prompt), wordLengths);
      assert.deepEqual(
        actual.map((chunk) => [chunk.map(({ id }) => id), chunk.map(({ weight }) => weight)]),
        expected,
      );
    });
  }
});

describe('embeddings stand where AUTOMATIC1111 puts them', () => {
  const { vectors } = goldens.embeddings;
  const embeddings = Object.entries(vectors).map(([name, count]) => {
    return { name, sha256: '', vectors: Array.from({ length: count }, (_, i) => Float32Array.of(i)) };
  });
  const find = createEmbeddingFinder(embeddings, { tokenizer: wordLengths, field: 'prompt' });
  const cases = goldens.embeddings.chunks as unknown as [
    prompt: string,
    chunks: [ids: number[], weights: number[], fixes: [offset: number, name: string][]][],
  ][];

  for (const [prompt, expected] of cases) {
    it(JSON.stringify(prompt.replace(/(\w+ ){20,}/g, (run) => `${run.split(' ').length - 1} words `)), () => {
      const actual = cutIntoChunks(parseAttention(prompt), wordLengths, find).map((chunk) => [
        // The original puts a zero where a vector will stand.
        chunk.map(({ id }) => (id === VECTOR_ID ? 0 : id)),
        chunk.map(({ weight }) => weight),
        chunk.flatMap(({ custom }, i) => (custom?.vector[0] === 0 ? [[i, custom.embedding.name]] : [])),
      ]);
      assert.deepEqual(actual, expected);
    });
  }

  it('with all of their vectors, in order', () => {
    const [chunk = []] = cutIntoChunks(parseAttention('a badhands xx b'), wordLengths, find);
    const rows = chunk.map(({ custom }) => custom?.vector[0]);
    assert.deepEqual(rows, [undefined, 0, 1, 2, undefined]);
  });

  it('but go along with their comma into the next chunk, where the original forgets their vectors', () => {
    const words = 'bb '.repeat(66);
    const chunks = cutIntoChunks(parseAttention(`${words}, easyneg ccc`), wordLengths, find);
    assert.deepEqual(
      chunks.map((chunk) => chunk.map(({ id }) => id)),
      [
        [...new Array<number>(66).fill(102), 1],
        [...new Array<number>(8).fill(VECTOR_ID), 103],
      ],
    );
    assert.ok(chunks[1]?.slice(0, 8).every(({ custom }, i) => custom?.vector[0] === i));
  });
});

describe('emphasis', () => {
  for (const { weights, from, to } of goldens.emphasis) {
    it(`multiplies and keeps the mean: ${weights.slice(0, 3)}`, () => {
      const embeddings = { data: Float32Array.from(from), dims: [1, 77, 4] };
      const chunk = weights.map((weight) => ({ id: 0, weight }));
      const { data } = emphasize(embeddings, chunk);
      const error = Math.max(...to.map((value, i) => Math.abs(value - (data[i] ?? Number.NaN))));
      assert.ok(error <= 1e-6 * Math.max(...to.map(Math.abs)), `off by ${error}`);
    });
  }
});

describe('hostile prompts take no time to speak of', () => {
  for (const part of ['(', '[', ')', '[a|', '[a:', '(a:1.1', ' ', '\\', 'BREAK ', ' AND ', '[[a|b]', ':', 'a, ']) {
    it(JSON.stringify(part), () => {
      const prompt = part.repeat(10_000 / part.length);
      let work = 0;
      for (const { text } of splitComposition(prompt).slice(0, 50)) {
        for (const timed of readPromptEditing(text, 20)) work += parseAttention(timed.text).length;
      }
      assert.ok(work > 0);
    });
  }
});

it('curly quotes become straight, as ftfy makes them', () => {
  assert.equal(straightenQuotes('‘don’t’ “you” ʼn ‛it‚ „see‟'), `'don't' "you" 'n 'it' "see"`);
});
