import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GenerateFlags, parseGenerateFlags } from '../../../function/src/cli/generate-input.ts';
import { describeError, exitCodes } from '../../../function/src/cli/report-error.ts';
import { FunctionError } from '../../../function/src/errors.ts';

describe('what was typed becomes the contract’s input', () => {
  test('sizes, numbers, and the format of the output file', () => {
    const input = parseGenerateFlags('a fox', {
      size: '128x96',
      seed: '0',
      guidance: '0',
      guidanceStart: '0',
      guidanceEnd: '0.75',
      deepCache: '2',
      output: 'out/FOX.JPG',
      count: '2',
    });
    assert.deepEqual(
      { ...input },
      {
        prompt: 'a fox',
        negativePrompt: '',
        promptSyntax: 'a1111',
        width: 128,
        height: 96,
        seed: 0,
        guidanceScale: 0,
        guidanceStart: 0,
        guidanceEnd: 0.75,
        deepCache: 2,
        rng: 'cuda',
        count: 2,
        format: 'jpeg',
      },
    );
    assert.deepEqual(parseGenerateFlags('a fox', { size: '256' }).height, 256);
  });

  test('a format that is said outranks the file name', () => {
    assert.equal(parseGenerateFlags('a fox', { output: 'a.png', format: 'webp' }).format, 'webp');
    assert.equal(parseGenerateFlags('a fox', { output: 'noextension', format: 'png' }).format, 'png');
  });
});

describe('axes of a grid', () => {
  const axisOf = (x: string, prompt = 'a fox and a Fox') => parseGenerateFlags(prompt, { x }).grid?.x;

  test('are fields or options with their values', () => {
    assert.deepEqual(axisOf('steps=5,10, 20'), [{ steps: 5 }, { steps: 10 }, { steps: 20 }]);
    assert.deepEqual(axisOf('guidance=1.5,7'), [{ guidanceScale: 1.5 }, { guidanceScale: 7 }]);
    assert.deepEqual(axisOf('clip-skip=1,2'), axisOf('clipSkip=1,2'));
    assert.deepEqual(axisOf('sampler=DPM++ 2M Karras,ddim'), [{ sampler: 'DPM++ 2M Karras' }, { sampler: 'ddim' }]);
    assert.deepEqual(axisOf('negative=blurry, dark|old'), [
      { negativePrompt: 'blurry, dark' },
      { negativePrompt: 'old' },
    ]);
  });

  test('replace words of the prompt, everywhere they stand, and take them as they are', () => {
    assert.deepEqual(axisOf('prompt=fox,cat', 'fox on fox'), [{ prompt: 'fox on fox' }, { prompt: 'cat on cat' }]);
    assert.deepEqual(axisOf('prompt=a fox|$& a red, old cat', 'a fox'), [
      { prompt: 'a fox' },
      { prompt: '$& a red, old cat' },
    ]);
  });

  test('are refused with the name of the option or field', () => {
    const fieldOf = (flags: GenerateFlags) => {
      try {
        parseGenerateFlags('a fox', flags);
      } catch (error) {
        return error instanceof FunctionError ? error.field : error;
      }
      return undefined;
    };
    assert.equal(fieldOf({ x: 'width=64' }), 'x');
    assert.equal(fieldOf({ x: 'steps' }), 'x');
    assert.equal(fieldOf({ y: 'steps=1' }), 'y');
    assert.equal(fieldOf({ x: 'steps=1', y: 'prompt=dog,cat' }), 'y');
    assert.equal(fieldOf({ x: 'steps=1,,2' }), 'grid.x.1.steps');
    assert.equal(fieldOf({ x: 'steps=1,two' }), 'grid.x.1.steps');
    assert.equal(fieldOf({ x: 'seed=1,-2' }), 'grid.x.1.seed');
  });
});

describe('wrong input is refused in one line that names the field', () => {
  const cases: [string, GenerateFlags, string, RegExp][] = [
    ['', {}, 'prompt', /empty/],
    ['  \n', {}, 'prompt', /empty/],
    ['x'.repeat(10_001), {}, 'prompt', /10,000 characters/],
    ['a\0b', {}, 'prompt', /null byte/],
    ['x', { negative: 'a\0b' }, 'negativePrompt', /null byte/],
    ['x', { promptSyntax: 'comfy' }, 'promptSyntax', /one of a1111, plain/],
    ['x', { clipSkip: '0' }, 'clipSkip', /1 to 12/],
    ['x', { sampler: '' }, 'sampler', /name/],
    ['x', { subseedStrength: '2' }, 'subseedStrength', /0 to 1/],
    ['x', { size: '0' }, 'width', /64 to 2048/],
    ['x', { size: '-128' }, 'width', /64 to 2048/],
    ['x', { size: '100' }, 'width', /multiple of 8/],
    ['x', { size: '128x100' }, 'height', /multiple of 8/],
    ['x', { size: '999999999999' }, 'width', /64 to 2048/],
    ['x', { size: 'large' }, 'size', /128x96/],
    ['x', { steps: '0' }, 'steps', /1 to 1000/],
    ['x', { steps: '1001' }, 'steps', /1 to 1000/],
    ['x', { steps: '1.5' }, 'steps', /1 to 1000/],
    ['x', { steps: '' }, 'steps', /1 to 1000/],
    ['x', { guidance: 'NaN' }, 'guidanceScale', /0 to 100/],
    ['x', { guidance: '-1' }, 'guidanceScale', /0 to 100/],
    ['x', { guidance: 'Infinity' }, 'guidanceScale', /0 to 100/],
    ['x', { guidanceStart: 'half' }, 'guidanceStart', /0 to 1/],
    ['x', { guidanceEnd: '2' }, 'guidanceEnd', /0 to 1/],
    ['x', { deepCache: '0' }, 'deepCache', /1 to 10/],
    ['x', { deepCache: '11' }, 'deepCache', /1 to 10/],
    ['x', { deepCache: '2.5' }, 'deepCache', /whole number/],
    ['x', { seed: '-1' }, 'seed', /0 to 4294967295/],
    ['x', { seed: '4294967296' }, 'seed', /0 to 4294967295/],
    ['x', { seed: 'lucky' }, 'seed', /0 to 4294967295/],
    ['x', { rng: 'dice' }, 'rng', /one of cuda, cpu/],
    ['x', { count: '0' }, 'count', /1 to 16/],
    ['x', { model: '../../etc' }, 'model', /lower-case/],
    ['x', { output: 'a.gif' }, 'output', /\.png/],
  ];
  for (const [prompt, flags, field, message] of cases) {
    test(`${prompt.length > 20 ? `${prompt.length} characters` : JSON.stringify(prompt)} ${JSON.stringify(flags)}`, () => {
      assert.throws(
        () => parseGenerateFlags(prompt, flags),
        (error: unknown) => {
          assert.ok(error instanceof FunctionError);
          assert.equal(error.field, field);
          assert.match(error.message, message);
          assert.equal(error.message.split('\n').length, 1);
          assert.equal(describeError(error).exitCode, exitCodes.wrongInput);
          return true;
        },
      );
    });
  }

  test('an unexpected error does not spill what it knows', () => {
    const { message, exitCode } = describeError(new Error('prompt "my secret" failed at /home/me'));
    assert.doesNotMatch(message, /secret|home/);
    assert.equal(exitCode, exitCodes.failure);
  });
});
