import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Grid } from '@safelight/sdk/contract';
import { axisLabels } from '../../../function/src/pipeline/grid/axis-labels.ts';
import { openLabelFont } from '../../../function/src/pipeline/grid/label-font.ts';
import { breakLines } from '../../../function/src/pipeline/grid/label-lines.ts';
import { createSheet } from '../../../function/src/pipeline/grid/sheet.ts';
import { resolve } from './tiny-model.ts';

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
      prompt: 'a fox',
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
