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

  it('an embedding is its name at each of its places, with an id that no token has', async () => {
    const vectors = [Float32Array.of(1), Float32Array.of(2)];
    const input = readPromptInputSchema.parse({ prompt: 'a (My-Style:0.5) cat' });
    const { texts } = await describePrompt(input, [{ name: 'my-style', sha256: '', vectors }]);
    assert.deepEqual(
      texts[0]?.chunks[0]?.map(({ id, text, weight }) => [id < 0, text, weight]),
      [
        [false, 'a', 1],
        [true, 'my-style', 0.5],
        [true, 'my-style', 0.5],
        [false, 'cat', 1],
      ],
    );
    assert.equal(texts[0]?.tokenCount, 4);
  });

  it('an embedding whose file cannot be used is refused only where it is named', async () => {
    const broken = [{ name: 'broken', problem: 'broken.pt cannot be read: it is empty.' }];
    await describePrompt(readPromptInputSchema.parse({ prompt: 'a cat' }), broken);
    await assert.rejects(describePrompt(readPromptInputSchema.parse({ prompt: 'a broken cat' }), broken), {
      code: 'invalid_input',
      field: 'prompt',
      message: 'prompt names the embedding broken, but broken.pt cannot be read: it is empty.',
    });
  });

  it('an empty prompt is one empty chunk', async () => {
    assert.deepEqual((await read({ prompt: '' })).texts, [{ text: '', tokenCount: 0, chunks: [[]] }]);
  });
});
