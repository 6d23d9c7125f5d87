import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type GenerateInput,
  type Grid,
  generateInputSchema,
  MAX_GRID_CELLS,
  type ModelInfo,
} from '@safelight/sdk/contract';
import { FunctionError } from '../../../function/src/errors.ts';
import { askedSteps, gridPairs, pictureCount } from '../../../function/src/grid.ts';
import { cellSettings } from '../../../function/src/pipeline/grid/grid-cells.ts';
import { quickSettings } from '../../support/settings.ts';
import { resolve as resolveFor, tinyModel } from './tiny-model.ts';

const model: ModelInfo = { ...tinyModel, defaults: { ...tinyModel.defaults, sampler: 'ddim' } };
const resolve = (input: GenerateInput, randomSeed?: () => number) => resolveFor(input, model, randomSeed);
const x = 'a fox';

describe('the settings of a grid', () => {
  const grids: Record<string, GenerateInput> = {
    'steps by guidance': {
      prompt: x,
      grid: { x: [{ steps: 5 }, { steps: 10 }], y: [{ guidanceScale: 1 }, { guidanceScale: 7 }] },
    },
    'samplers, each with its own schedule and eta': {
      prompt: x,
      grid: { x: [{ sampler: 'DPM++ 2M Karras' }, { sampler: 'euler' }, { sampler: 'Euler a' }] },
    },
    'samplers on one schedule': {
      prompt: x,
      schedule: 'karras',
      grid: { x: [{ sampler: 'euler' }, { sampler: 'dpmpp_2m' }] },
    },
    'samplers by schedule': {
      prompt: x,
      grid: {
        x: [{ sampler: 'DPM++ 2M Karras' }, { sampler: 'euler' }],
        y: [{ schedule: 'automatic' }, { schedule: 'exponential' }],
      },
    },
    'samplers by eta': {
      prompt: x,
      grid: { x: [{ sampler: 'euler_a' }, { sampler: 'ddim' }], y: [{ eta: 0 }, { eta: 0.5 }] },
    },
    'schedules of a sampler that carries one': {
      prompt: x,
      sampler: 'DPM++ 2M Karras',
      grid: { x: [{ schedule: 'automatic' }, { schedule: 'normal' }] },
    },
    'variations, from none': {
      prompt: x,
      grid: { x: [{ subseedStrength: 0 }, { subseedStrength: 0.5 }, { subseedStrength: 1 }] },
    },
    'subseeds by strength': {
      prompt: x,
      grid: { x: [{ subseed: 1 }, { subseed: 2 }], y: [{ subseedStrength: 0.1 }, { subseedStrength: 0.2 }] },
    },
    'clip skip, churn and seed': {
      prompt: x,
      sampler: 'euler',
      grid: {
        x: [
          { clipSkip: 1, seed: 1 },
          { clipSkip: 2, seed: 2 },
        ],
        y: [{ sChurn: 0 }, { sChurn: 5 }],
      },
    },
    'prompts by strength of a picture': {
      prompt: x,
      initImage: `uploads/local/${'a'.repeat(64)}.png`,
      grid: { x: [{ prompt: 'a cat' }, { prompt: 'a dog' }], y: [{ strength: 0.3 }, { strength: 0.9 }] },
    },
  };

  for (const [name, input] of Object.entries(grids))
    test(`${name}: every picture is as if drawn alone, now and from the settings`, () => {
      const settings = resolve(input);
      const { grid, ...single } = input;
      const alone = gridPairs(grid as Grid).map(({ column, row }) =>
        resolve({ ...single, seed: 42, subseed: 42, ...column, ...row } as GenerateInput),
      );
      assert.deepEqual(cellSettings(settings, model), alone);
      // Chosen once and for all: other random seeds would show.
      assert.deepEqual(
        resolve(generateInputSchema.parse(settings), () => 99),
        settings,
      );
      assert.equal(settings.count, 1);
    });

  test('pictures differ in nothing but what is varied: the seed is chosen once', () => {
    let next = 0;
    const settings = resolve({ prompt: x, grid: { x: [{ steps: 1 }, { steps: 2 }, { steps: 3 }] } }, () => next++);
    assert.deepEqual(
      cellSettings(settings, model).map(({ seed, steps }) => [seed, steps]),
      [
        [0, 1],
        [0, 2],
        [0, 3],
      ],
    );
  });

  const refused: [string, Partial<GenerateInput> & { grid: Grid }, string, RegExp][] = [
    [
      'a value out of range',
      { grid: { x: [{ steps: 5 }], y: [{ guidanceScale: 5 }, { guidanceScale: 500 }] } },
      'grid.y.1.guidanceScale',
      /from 0 to 100/,
    ],
    [
      'a sampler that is none',
      { grid: { x: [{ sampler: 'euler' }, { sampler: 'nope' }] } },
      'grid.x.1.sampler',
      /use one of/,
    ],
    [
      'what does not go together',
      { grid: { x: [{ sampler: 'euler' }, { sampler: 'ddim' }], y: [{ schedule: 'karras' }] } },
      'grid.y.0.schedule',
      /does not go with sampler ddim/,
    ],
    ['strength without a picture', { grid: { x: [{ strength: 0.5 }] } }, 'grid.x.0.strength', /needs an initImage/],
    ['entries of other fields', { grid: { x: [{ steps: 5 }, { seed: 5 }] } }, 'grid.x.1', /same fields as the first/],
    [
      'one field twice',
      { grid: { x: [{ steps: 5 }], y: [{ steps: 6 }] } },
      'grid.y',
      /steps is varied by grid\.x already/,
    ],
    ['several of each', { count: 2, grid: { x: [{ steps: 5 }] } }, 'count', /count must be 1/],
    ['an empty prompt', { grid: { x: [{ prompt: ' ' }] } }, 'grid.x.0.prompt', /prompt is empty/],
    ['no entry', { grid: { x: [] } }, 'grid.x', /grid\.x is empty/],
    [
      'more than fit',
      { grid: { x: Array.from({ length: MAX_GRID_CELLS + 1 }, (_, seed) => ({ seed })) } },
      'grid',
      /37 pictures: at most 36/,
    ],
    [
      'prompts that fill a book',
      { grid: { x: Array.from({ length: 6 }, (_, i) => ({ prompt: `${i}`.repeat(9000) })) } },
      'grid',
      /longer than 50,000/,
    ],
  ];
  for (const [name, input, field, message] of refused)
    test(`are refused with the field's name for ${name}`, () => {
      const parsed = generateInputSchema.safeParse({ prompt: x, ...input });
      const issue = parsed.error?.issues[0];
      if (issue !== undefined) {
        assert.equal(issue.path.join('.'), field);
        assert.match(issue.message, message);
        return;
      }
      assert.throws(
        () => resolve({ prompt: x, ...input }),
        (error) => {
          assert.ok(error instanceof FunctionError && error.code === 'invalid_input');
          assert.equal(error.field, field);
          assert.match(error.message, message);
          return true;
        },
      );
    });

  test('other settings cannot be varied', () => {
    const issue = generateInputSchema.safeParse({ prompt: x, grid: { x: [{ width: 64 }] } }).error?.issues[0];
    assert.equal(issue?.message, 'unknown field: width');
  });

  test('a grid has the steps of its pictures, and one picture more to store', () => {
    const settings = resolve({
      prompt: x,
      grid: { x: [{ steps: 5 }, { steps: 10 }], y: [{ seed: 1 }, { seed: 2 }, { seed: 3 }] },
    });
    assert.equal(pictureCount(settings), 7);
    assert.equal(askedSteps(settings), 3 * 5 + 3 * 10);
    assert.equal(askedSteps({ steps: 5, count: 3 }), 15);
  });
});

test('settings without a grid say nothing of one', () => {
  assert.equal('grid' in resolve({ prompt: x }), false);
  assert.equal(pictureCount(quickSettings({ count: 3 })), 3);
});
