import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPromptInputSchema } from '@safelight/sdk/contract';
import { describePrompt } from '../../function/src/describe-prompt.ts';

const read = (input: object) => describePrompt(readPromptInputSchema.parse(input));

describe('what is said about a prompt', () => {
  it('tokens with their words and weights', async () => {
    const { texts } = await read({ prompt: 'a (red:1.3) Supercalifragilistic' });
    const [chunk] = texts[0]?.chunks ?? [];
    assert.deepEqual(
      chunk?.slice(0, 2).map(({ text, weight }) => [text, weight]),
      [
        ['a', 1],
        ['red', 1.3],
      ],
    );
    assert.equal(
      chunk
        ?.slice(2)
        .map(({ text }) => text)
        .join(''),
      'supercalifragilistic',
    );
    assert.equal(texts[0]?.tokenCount, chunk?.length);
  });

  it('switches count predictions, of which some samplers make two a step', async () => {
    const until = async (sampler: string) =>
      (await read({ prompt: '[a:b:0.5]', steps: 10, sampler })).parts[0]?.schedule[0]?.until;
    assert.equal(await until('Euler'), 5);
    assert.equal(await until('Heun'), 10);
  });

  it('an unknown sampler is refused, naming it', async () => {
    await assert.rejects(read({ prompt: 'a', sampler: 'nine' }), { code: 'invalid_input', field: 'sampler' });
  });

  it('an empty prompt is one empty chunk', async () => {
    assert.deepEqual((await read({ prompt: '' })).texts, [{ text: '', tokenCount: 0, chunks: [[]] }]);
  });
});
