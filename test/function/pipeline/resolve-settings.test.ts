import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GenerateInput, generateInputSchema, type ModelInfo } from '@safelight/sdk/contract';
import { FunctionError } from '../../../function/src/errors.ts';
import { imageSeed, resolveSettings } from '../../../function/src/pipeline/resolve-settings.ts';

const model: ModelInfo = {
  name: 'tiny',
  version: '1',
  description: '',
  license: { name: '', url: '', useRestrictions: '' },
  limits: { minSize: 64, maxSize: 256 },
  defaults: { width: 128, height: 96, steps: 20, guidanceScale: 5, sampler: 'dpmpp_2m' },
};

const resolve = (input: GenerateInput) => resolveSettings(generateInputSchema.parse(input), model, () => 42);

describe('settings of a job', () => {
  test('open choices are the model’s, the sampler’s, and a random seed', () => {
    assert.deepEqual(resolve({ prompt: 'x' }), {
      prompt: 'x',
      negativePrompt: '',
      model: 'tiny',
      width: 128,
      height: 96,
      steps: 20,
      guidanceScale: 5,
      sampler: 'dpmpp_2m',
      schedule: 'karras',
      eta: 0,
      seed: 42,
      rng: 'cuda',
      count: 1,
      format: 'png',
    });
  });

  test('choices made stay, zeros too', () => {
    const settings = resolve({ prompt: 'x', seed: 0, guidanceScale: 0, sampler: 'euler_a', width: 256, eta: 0 });
    assert.equal(settings.seed, 0);
    assert.equal(settings.guidanceScale, 0);
    assert.equal(settings.eta, 0);
    assert.equal(settings.width, 256);
    assert.equal(resolve({ prompt: 'x', sampler: 'euler_a' }).eta, 1);
  });

  const refused: [string, GenerateInput][] = [
    ['width', { prompt: 'x', width: 264 }],
    ['height', { prompt: 'x', height: 512 }],
    ['schedule', { prompt: 'x', sampler: 'ddim', schedule: 'karras' }],
    ['schedule', { prompt: 'x', schedule: 'ddim_uniform' }],
    ['eta', { prompt: 'x', sampler: 'euler', eta: 0.5 }],
  ];
  for (const [field, input] of refused) {
    test(`refuses ${JSON.stringify(input)}, naming ${field}`, () => {
      assert.throws(
        () => resolve(input),
        (error: unknown) => error instanceof FunctionError && error.code === 'invalid_input' && error.field === field,
      );
    });
  }

  test('seeds go on from 0 after the largest', () => {
    assert.deepEqual(
      [0, 1, 2].map((index) => imageSeed(2 ** 32 - 2, index)),
      [2 ** 32 - 2, 2 ** 32 - 1, 0],
    );
  });
});
