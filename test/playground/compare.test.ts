/** Pictures that differ in one or two settings, side by side. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ModelInfo } from '@safelight/sdk';
import type { Browser } from 'playwright-core';
import { cellSettings, parseValues } from '../../function/playground/src/lib/grid.ts';
import { defaultSettings } from '../../function/playground/src/lib/settings.ts';
import { createEngine } from '../../function/src/create-engine.ts';
import type { Engine } from '../../function/src/engine.ts';
import { sharedCacheDir } from '../support/embedded-model.ts';
import { launchBrowser, skip } from './support/browser.ts';
import { serveSite, visit } from './support/open-playground.ts';

describe('the cells of a grid', () => {
  const model = { name: 'mini', defaults: { width: 128, height: 128, steps: 20, guidanceScale: 5, sampler: 'ddim' } };
  const settings = { ...defaultSettings(model as ModelInfo), prompt: 'a fox', count: '4' };

  test('have values without doubles, and prompts with their commas', () => {
    assert.deepEqual(parseValues('steps', ' 5, 10,,5 '), ['5', '10']);
    assert.deepEqual(parseValues('prompt', 'a fox, red | an owl'), ['a fox, red', 'an owl']);
    assert.deepEqual(parseValues('seed', ' '), []);
  });

  test('run row by row, one picture each, all with one seed', () => {
    const x = { field: 'steps', values: ['1', '2'] } as const;
    const y = { field: 'sampler', values: ['euler', 'ddim'] } as const;
    const cells = cellSettings(settings, x, y);
    assert.deepEqual(
      cells.map(({ steps, sampler, count }) => [sampler, steps, count]),
      [
        ['euler', '1', '1'],
        ['euler', '2', '1'],
        ['ddim', '1', '1'],
        ['ddim', '2', '1'],
      ],
    );
    assert.equal(new Set(cells.map(({ seed }) => seed)).size, 1);
    assert.match(cells[0]?.seed ?? '', /^\d+$/);
    assert.equal(
      cellSettings({ ...settings, seed: '7' }, { field: 'seed', values: ['1', '2'] }, undefined)[1]?.seed,
      '2',
    );
  });
});

describe('a comparison', { skip }, () => {
  let browser: Browser;
  let engine: Engine;
  before(async () => {
    [browser, engine] = await Promise.all([launchBrowser(), createEngine({ cacheDir: sharedCacheDir })]);
  });
  after(async () => {
    await browser.close();
    await engine.close();
  });

  test('draws every cell, survives a reload, and leads to each picture', async () => {
    await using site = await serveSite(engine);
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await visitor.prompt.fill('a fox');
    await page.getByRole('button', { name: 'Compare' }).click();
    const dialog = page.getByRole('dialog', { name: 'Compare settings' });
    await dialog.getByLabel('Across', { exact: true }).selectOption('Steps');
    await dialog.getByLabel('Across: values').fill('2, 4');
    await dialog.getByLabel('Down', { exact: true }).selectOption('Prompt');
    await dialog.getByLabel('Down: values').fill('a fox | an owl | a pear');
    await dialog.getByRole('button', { name: 'Draw 6 pictures' }).click();
    const grid = page.getByRole('region', { name: 'Comparison' });
    await grid.getByRole('columnheader', { name: 'Steps 4' }).waitFor();
    // Open until all are sent.
    await dialog.waitFor({ state: 'detached' });
    await page.reload();
    await grid.getByRole('rowheader', { name: 'an owl' }).waitFor();
    await grid.locator('img').nth(5).waitFor();
    await grid.getByRole('row', { name: 'an owl' }).getByRole('button').nth(1).click();
    await page.getByRole('dialog', { name: 'Picture' }).getByText('an owl').first().waitFor();
    assert.equal(await page.getByRole('definition').nth(2).textContent(), '4');
    await page.keyboard.press('Escape');
    await grid.getByRole('button', { name: 'Close the comparison' }).click();
    await page.getByRole('region', { name: 'Result' }).waitFor();

    const { jobs } = await site.safelight.list();
    assert.equal(jobs.length, 6);
    assert.equal(new Set(jobs.map(({ settings }) => settings.seed)).size, 1);
  });

  test('says what is wrong with a value', async () => {
    await using site = await serveSite(engine);
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await visitor.prompt.fill('a fox');
    await page.getByRole('button', { name: 'Compare' }).click();
    const dialog = page.getByRole('dialog', { name: 'Compare settings' });
    await dialog.getByLabel('Across: values').fill('many');
    await dialog.getByRole('button', { name: 'Draw 1 picture' }).click();
    await dialog.getByText('Guidance must be a number').waitFor();
    await dialog.getByLabel('Across: values').fill(Array.from({ length: 40 }, (_, i) => i).join());
    await dialog.getByText('At most 36 pictures').waitFor();
    assert.ok(await dialog.getByRole('button', { name: 'Draw 40 pictures' }).isDisabled());
  });
});
