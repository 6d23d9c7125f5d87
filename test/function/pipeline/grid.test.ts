import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type GenerateInput,
  type Grid,
  generateInputSchema,
  MAX_GRID_CELLS,
  type ModelInfo,
  type Phase,
} from '@safelight/sdk/contract';
import sharp from 'sharp';
import { createEngine } from '../../../function/src/create-engine.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import { askedSteps, gridPairs, pictureCount } from '../../../function/src/grid.ts';
import type { DiffusionModel } from '../../../function/src/pipeline/diffusion-model.ts';
import { generate } from '../../../function/src/pipeline/generate.ts';
import { axisLabels } from '../../../function/src/pipeline/grid/axis-labels.ts';
import { cellSettings } from '../../../function/src/pipeline/grid/grid-cells.ts';
import { openLabelFont } from '../../../function/src/pipeline/grid/label-font.ts';
import { breakLines } from '../../../function/src/pipeline/grid/label-lines.ts';
import { createSheet } from '../../../function/src/pipeline/grid/sheet.ts';
import { resolveSettings } from '../../../function/src/pipeline/resolve-settings.ts';
import { openModel } from '../../../function/src/runtime/open-model.ts';
import { createSessionHost } from '../../../function/src/runtime/session-host.ts';
import { openEmbeddedBundle, sharedCacheDir } from '../../support/embedded-model.ts';
import { quickSettings } from '../../support/settings.ts';

const model: ModelInfo = {
  name: 'tiny',
  version: '1',
  description: '',
  license: { name: '', url: '', useRestrictions: '' },
  limits: { minSize: 64, maxSize: 256 },
  defaults: { width: 128, height: 96, steps: 20, guidanceScale: 5, sampler: 'ddim' },
};
const resolveWith = (input: GenerateInput, randomSeed: () => number) =>
  resolveSettings(generateInputSchema.parse(input), model, randomSeed);
const resolve = (input: GenerateInput) => resolveWith(input, () => 42);
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
        resolveWith(generateInputSchema.parse(settings), () => 99),
        settings,
      );
      assert.equal(settings.count, 1);
    });

  test('pictures differ in nothing but what is varied: the seed is chosen once', () => {
    let next = 0;
    const settings = resolveWith({ prompt: x, grid: { x: [{ steps: 1 }, { steps: 2 }, { steps: 3 }] } }, () => next++);
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

describe('drawing a grid with the embedded model', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({ cacheDir: sharedCacheDir });
  });
  after(() => engine.close());

  const quick = { width: 64, height: 64, steps: 2, seed: 7 };
  const settingsOf = (input: GenerateInput) => engine.resolve(generateInputSchema.parse({ ...quick, ...input }));
  const hexOf = (images: readonly { data: Uint8Array }[]) =>
    images.map(({ data }) => Buffer.from(data).toString('hex'));

  test('every picture has the bytes of the one drawn alone, and the sheet comes last', async () => {
    const grid: Grid = {
      x: [{ steps: 2 }, { steps: 3 }],
      y: [{ sampler: 'euler_a' }, { sampler: 'ddim' }, { sampler: 'DPM++ 2M' }],
    };
    const { images } = await engine.generate(settingsOf({ prompt: 'a red apple', grid }));
    const alone: string[] = [];
    for (const { column, row } of gridPairs(grid)) {
      const one = await engine.generate(settingsOf({ prompt: 'a red apple', ...column, ...row } as GenerateInput));
      alone.push(...hexOf(one.images));
    }
    assert.deepEqual(hexOf(images.slice(0, 6)), alone);
    assert.equal(new Set(alone).size, 6);
    assert.deepEqual(
      images.map(({ index }) => index),
      [0, 1, 2, 3, 4, 5, 6],
    );
    const sheet = images[6] ?? assert.fail();
    assert.ok(sheet.width > 2 * 64 && sheet.height > 3 * 64);
    const parameters = Buffer.from(sheet.data).toString('latin1');
    assert.match(parameters, /Script: X\/Y\/Z plot, X Type: steps, X Values: "2, 3", Y Type: sampler/);
  });

  test('from a picture: each strength as if alone', async () => {
    const init = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'orange' } })
      .png()
      .toBuffer();
    const start = { prompt: 'a red apple', initImage: `uploads/local/${'a'.repeat(64)}.png` };
    const options = { readUpload: async () => new Uint8Array(init) };
    const strengths = [{ strength: 0.5 }, { strength: 1 }];
    const { images } = await engine.generate(settingsOf({ ...start, grid: { x: strengths } }), options);
    for (const [index, entry] of strengths.entries()) {
      const alone = await engine.generate(settingsOf({ ...start, ...entry }), options);
      assert.deepEqual(hexOf(alone.images), hexOf(images.slice(index, index + 1)));
    }
  });

  test('progress runs over all pictures, and a cancel stops between two steps', async () => {
    const settings = settingsOf({ prompt: 'a red apple', grid: { x: [{ steps: 2 }, { steps: 4 }] } });
    const phases: Phase[] = [];
    await engine.generate(settings, { onPhase: (phase) => phases.push(phase) });
    const steps = phases.flatMap((phase) => (phase.name === 'denoising' ? [phase] : []));
    assert.deepEqual(
      steps.map(({ image, count, step, steps: of }) => [image, count, step, of]),
      [...[0, 1, 2].map((step) => [0, 2, step, 2]), ...[0, 1, 2, 3, 4].map((step) => [1, 2, step, 4])],
    );
    const controller = new AbortController();
    const seen: Phase[] = [];
    const stopped = engine.generate(settings, {
      signal: controller.signal,
      onPhase(phase) {
        seen.push(phase);
        if (phase.name === 'denoising' && phase.image === 1 && phase.step === 1) controller.abort(new Error('enough'));
      },
    });
    await assert.rejects(stopped, /enough/);
    assert.deepEqual(seen.at(-1), { name: 'denoising', image: 1, count: 2, step: 1, steps: 4 });
  });

  test('a prompt that pictures share goes through the text encoder once, and its warning is given once', async (t) => {
    const host = createSessionHost();
    t.after(() => host.close());
    const opened = await openModel(await openEmbeddedBundle(), host);
    let calls = 0;
    const counting: DiffusionModel = {
      ...opened,
      encodePrompts: (...args) => {
        calls++;
        return opened.encodePrompts(...args);
      },
    };
    const prompts = [{ prompt: 'a red apple' }, { prompt: 'a zyzzyva' }];
    const settings = settingsOf({ prompt: 'a', grid: { x: [{ seed: 1 }, { seed: 2 }, { seed: 3 }], y: prompts } });
    const { warnings } = await generate(counting, settings);
    // Each of two prompts, with the empty negative prompt.
    assert.equal(calls, 4);
    assert.equal(warnings.length, 1);
  });
});

describe('the sheet', () => {
  /** No shade of grey, unlike labels. */
  const plain = (red: number, width = 64, height = 48, blue = 255) => ({
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i % 3 === 0 ? red : blue)),
    ...{ width, height, channels: 3 },
  });
  const sheetOf = async (grid: Grid, pictures: ReturnType<typeof plain>[]) => {
    const sheet = createSheet(grid);
    for (const picture of pictures) await sheet.add(picture);
    return sheet.finish();
  };
  const grid: Grid = { x: [{ steps: 5 }, { steps: 10 }], y: [{ seed: 1 }, { seed: 2 }] };

  test('has every picture, unchanged, at its row and column', async () => {
    const { data, width, height } = await sheetOf(
      grid,
      [40, 80, 120, 160].map((value) => plain(value)),
    );
    const places = new Map<number, { left: number; top: number; pixels: number }>();
    for (let i = 0; i < width * height; i++) {
      const value = data[i * 3] ?? 0;
      if (![40, 80, 120, 160].includes(value) || data[i * 3 + 1] !== 255) continue;
      const place = places.get(value) ?? { left: i % width, top: Math.floor(i / width), pixels: 0 };
      places.set(value, { left: Math.min(place.left, i % width), top: place.top, pixels: place.pixels + 1 });
    }
    const placeOf = (value: number) => places.get(value) ?? assert.fail();
    const [a, b, c, d] = [placeOf(40), placeOf(80), placeOf(120), placeOf(160)] as const;
    for (const { pixels } of [a, b, c, d]) assert.equal(pixels, 64 * 48);
    assert.ok(a.left === c.left && b.left === d.left && b.left >= a.left + 64);
    assert.ok(a.top === b.top && c.top === d.top && c.top >= a.top + 48);
  });

  test('has a label over every column and beside every row, in ink on white', async () => {
    const { data, width, height } = await sheetOf(
      grid,
      Array.from({ length: 4 }, () => plain(255)),
    );
    const inkIn = (left: number, top: number, right: number, bottom: number) => {
      let ink = 0;
      for (let y = top; y < bottom; y++)
        for (let x = left; x < right; x++) if ((data[(y * width + x) * 3] ?? 255) < 100) ink++;
      return ink;
    };
    const cells = { left: width - 2 * 67, top: height - 2 * 51 };
    for (const column of [0, 1])
      assert.ok(inkIn(cells.left + column * 67, 0, cells.left + column * 67 + 64, cells.top) > 20);
    for (const row of [0, 1]) assert.ok(inkIn(0, cells.top + row * 51, cells.left, cells.top + row * 51 + 48) > 20);
    assert.equal(inkIn(cells.left, cells.top, width, height), 0);
  });

  test('is no larger than files can be: pictures become smaller', async () => {
    const steps = Array.from({ length: 5 }, (_, i) => ({ steps: i + 1 }));
    const { width } = await sheetOf(
      { x: steps },
      steps.map(() => plain(9, 2048, 64)),
    );
    assert.ok(width > 8000 && width < 8300, `${width}`);
  });

  test('says what differs, in AUTOMATIC1111’s words', () => {
    assert.deepEqual(axisLabels([{ steps: 5 }, { steps: 10 }]), ['Steps 5', 'Steps 10']);
    assert.deepEqual(
      axisLabels([
        { guidanceScale: 1, seed: 3 },
        { guidanceScale: 2, seed: 3 },
      ]),
      ['CFG scale 1', 'CFG scale 2'],
    );
    const samplers = resolve({
      prompt: x,
      grid: { x: [{ sampler: 'euler' }, { sampler: 'Euler Karras' }, { sampler: 'ddim' }] },
    });
    assert.deepEqual(axisLabels(samplers.grid?.x ?? []), ['Euler', 'Euler, Karras', 'DDIM']);
    const animals = ['red fox', 'cat'].map((animal) => ({ prompt: `a ${animal} in the snow` }));
    assert.deepEqual(axisLabels(animals), ['red fox', 'cat']);
    assert.deepEqual(axisLabels([{ prompt: 'a fox' }, { prompt: 'a fox in the snow' }]), [
      'a fox',
      'a fox in the snow',
    ]);
    assert.deepEqual(axisLabels([{ steps: 5 }]), ['Steps 5']);
    assert.deepEqual(axisLabels([{}]), ['']);
  });

  test('breaks long labels between words, then within them, and ends them after four lines', async () => {
    const font = await openLabelFont();
    const broken = breakLines('Denoising strength 0.5', font, 12, 64);
    assert.deepEqual(broken, ['Denoising', 'strength', '0.5']);
    const lines = breakLines(`${'unbreakable'.repeat(9)} end`, font, 12, 64);
    assert.equal(lines.length, 4);
    assert.match(lines[3] ?? '', /…$/);
    for (const line of lines) assert.ok(font.widthOf(line, 12) <= 64);
    assert.deepEqual(breakLines('', font, 12, 64), ['']);
  });

  test('draws letters as outlines, of other alphabets too, whatever fonts the machine has', async () => {
    const font = await openLabelFont();
    const shapes = ['a', 'é', 'я', 'Ω', '…'].map((letter) => font.pathOf(letter, 0, 12, 12));
    assert.equal(new Set(shapes).size, 5);
    for (const shape of shapes) assert.match(shape, /^M[-\d.]/);
    // DejaVu Sans: 1255 of 2048 units.
    assert.ok(Math.abs(font.widthOf('a', 2048) - 1255) < 1);
  });
});

test('settings without a grid say nothing of one', () => {
  assert.equal('grid' in resolve({ prompt: x }), false);
  assert.equal(pictureCount(quickSettings({ count: 3 })), 3);
});
