/** Everybody can use the playground: axe finds nothing, in any state, in both themes, on a phone too. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { createEngine } from '../../function/src/create-engine.ts';
import type { Engine } from '../../function/src/engine.ts';
import { sharedCacheDir } from '../support/embedded-model.ts';
import { launchBrowser, skip } from './support/browser.ts';
import { dropFile, make, type Site, serveSite, type Visit, visit } from './support/open-playground.ts';

const screens = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

describe('axe', { skip }, () => {
  let browser: Browser;
  let engine: Engine;
  before(async () => {
    [browser, engine] = await Promise.all([launchBrowser(), createEngine({ cacheDir: sharedCacheDir })]);
  });
  after(async () => {
    await browser.close();
    await engine.close();
  });

  for (const [screen, options] of Object.entries(screens)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`finds nothing on a ${screen}, ${colorScheme}`, async () => {
        await using site = await serveSite(engine);
        await using visitor = await visit(browser, site.server.url, { ...options, colorScheme });
        const background = await visitor.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(background === 'rgb(19, 17, 16)', colorScheme === 'dark', background);
        await checkStates(visitor, site);
      });
    }
  }

  test('finds nothing where a key is asked for', async () => {
    await using site = await serveSite(engine, { apiKeys: ['a-key-of-sixteen-characters-or-more'] });
    await using visitor = await visit(browser, site.server.url);
    await visitor.page.getByLabel('API key').waitFor();
    await check(visitor.page, 'key form');
  });

  for (const [screen, options] of Object.entries(screens)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`finds nothing in the page about the API on a ${screen}, ${colorScheme}`, async () => {
        await using site = await serveSite(engine);
        await using page = await browser.newPage({ ...options, colorScheme });
        await page.goto(`${site.server.url}/docs`);
        assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).maxWidth), 'none', 'no style');
        await page.locator('details').evaluateAll((all) => {
          for (const one of all) one.setAttribute('open', '');
        });
        await check(page, 'docs');
      });
    }
  }

  for (const [screen, options] of Object.entries(screens)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`finds nothing in the page about the server on a ${screen}, ${colorScheme}`, async () => {
        await using site = await serveSite(engine);
        await site.safelight.generate({ prompt: 'a red apple', steps: 2 });
        await using page = await browser.newPage({ ...options, colorScheme });
        await page.goto(`${site.server.url}/status`);
        assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).maxWidth), 'none', 'no style');
        await check(page, 'status');
      });
    }
  }

  test('the theme button overrides the device, and is remembered', async () => {
    await using site = await serveSite(engine);
    await using visitor = await visit(browser, site.server.url, { colorScheme: 'light' });
    const { page } = visitor;
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.getByRole('button', { name: 'Change to light' }).click();
    await page.getByRole('button', { name: 'Change to dark' }).click();
    assert.equal(await background(), 'rgb(19, 17, 16)');
    await page.reload();
    await visitor.prompt.waitFor();
    assert.equal(await background(), 'rgb(19, 17, 16)');
  });
});

async function checkStates(visitor: Visit, site: Site): Promise<void> {
  const { page } = visitor;
  await visitor.prompt.waitFor();
  await check(page, 'empty');
  // On phones the settings are folded.
  const steps = page.getByLabel('Steps', { exact: true });
  if (!(await steps.isVisible())) await page.getByRole('heading', { name: 'Settings' }).click();
  await page.getByText('More settings').click();
  await steps.fill('0');
  await visitor.prompt.fill('a (red:1.3) apple');
  await visitor.generate.click();
  await page.getByText('Steps must be a whole number').waitFor();
  await check(page, 'wrong setting');

  await steps.fill('1000');
  await visitor.generate.click();
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  await check(page, 'progress');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('region', { name: 'Result' }).getByText('Cancelled', { exact: true }).waitFor();
  await steps.fill('2');
  const result = await make(visitor, 'a gryphon');
  await check(page, 'result with a warning');

  const [made] = (await site.safelight.list({ limit: 1 })).jobs;
  const data = await site.safelight.images.arrayBuffer({ jobId: made?.id ?? '', index: 0 });
  await dropFile(page, 'gryphon.png', new Uint8Array(data));
  await page.getByText('Made from “a gryphon”').waitFor();
  await check(page, 'dropped file');
  await page.getByRole('button', { name: 'Start from it' }).click();
  await page.getByRole('button', { name: 'Paint a mask' }).click();
  await page.getByRole('dialog', { name: 'Paint what to draw anew' }).waitFor();
  await check(page, 'mask');
  await page.keyboard.press('Escape');
  await check(page, 'start picture');

  await result.click();
  await page.getByRole('dialog').waitFor();
  await check(page, 'picture');
  await page.getByRole('button', { name: 'Copy as code' }).click();
  await page.getByText('createSafelight').first().waitFor();
  await check(page, 'code');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Compare' }).click();
  await page.getByLabel('Across: values').waitFor();
  await check(page, 'comparison to be made');
  await page.getByRole('button', { name: 'Draw 3 pictures' }).click();
  await page.getByRole('columnheader', { name: 'Guidance 8' }).waitFor();
  await check(page, 'comparison');
  await page.getByRole('button', { name: 'Close the comparison' }).click();
  await page.getByRole('button', { name: 'About mini' }).click();
  await page.getByText('Use restrictions').waitFor();
  await check(page, 'model card');
  await page.keyboard.press('Escape');
  await site.server.close();
  await page.getByText('The server does not answer').waitFor();
  await check(page, 'server gone');
}

async function check(page: Page, state: string): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const axeInPage = (window as unknown as { axe: typeof axe }).axe;
    const results = await axeInPage.run(document, { resultTypes: ['violations'] });
    return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
  assert.deepEqual(violations, [], state);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${state}: ${overflow} pixels too wide`);
}
