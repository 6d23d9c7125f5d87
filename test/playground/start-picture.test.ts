/** Pictures that start from a picture: dropped on the page, and painted over where they are to be drawn anew. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { createEngine } from '../../function/src/create-engine.ts';
import type { Engine } from '../../function/src/engine.ts';
import { sharedCacheDir } from '../support/embedded-model.ts';
import { launchBrowser, skip } from './support/browser.ts';
import { dropFile, resultOf, type Site, serveSite, visit } from './support/open-playground.ts';

describe('a picture to start from', { skip }, () => {
  let browser: Browser;
  let engine: Engine;
  let site: Site;
  let apple: Uint8Array;

  before(async () => {
    [browser, engine] = await Promise.all([launchBrowser(), createEngine({ cacheDir: sharedCacheDir })]);
    site = await serveSite(engine);
    const { images } = await site.safelight.generate({ prompt: 'a red apple', seed: 1 });
    assert.ok(images[0]);
    apple = new Uint8Array(await site.safelight.images.arrayBuffer(images[0]));
  });
  after(async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
    await engine.close();
  });

  /** Mean difference of columns between two pictures, in levels of 255. */
  async function difference(jobId: string, left: number, width: number): Promise<number> {
    const data = await site.safelight.images.arrayBuffer({ jobId, index: 0 });
    const [a, b] = await Promise.all(
      [apple, new Uint8Array(data)].map((file) =>
        sharp(file).extract({ left, top: 0, width, height: 128 }).removeAlpha().raw().toBuffer(),
      ),
    );
    assert.ok(a && b && a.length === b.length);
    return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
  }

  test('is dropped on the page, and drawn anew as much as wished', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await visitor.prompt.waitFor();
    await dropFile(page, 'apple.png', apple);
    await page.getByRole('button', { name: 'Start from it' }).click();
    const start = page.getByRole('region', { name: 'Start picture' });
    await start.getByRole('img', { name: 'To start from' }).waitFor();
    await start.getByRole('spinbutton', { name: 'Strength' }).fill('0.1');
    await visitor.prompt.fill('a green apple');
    await visitor.generate.click();
    await resultOf(page, 'a green apple').waitFor();
    const [job] = (await site.safelight.list({ limit: 1 })).jobs;
    assert.ok(job);
    assert.equal(job.settings.strength, 0.1);
    assert.match(job.settings.initImage ?? '', /^uploads\//);
    assert.ok((await difference(job.id, 0, 128)) < 30);

    await start.getByRole('button', { name: 'Remove the picture' }).click();
    await start.waitFor({ state: 'detached' });
    await visitor.prompt.fill('a green pear');
    await visitor.generate.click();
    await resultOf(page, 'a green pear').waitFor();
    assert.equal((await site.safelight.list({ limit: 1 })).jobs[0]?.settings.initImage, undefined);
  });

  test('is one of those made here', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await page.getByRole('region', { name: 'History' }).getByRole('button', { name: 'a red apple, seed 1' }).click();
    await page.getByRole('button', { name: 'Start from it' }).click();
    await page.getByRole('region', { name: 'Start picture' }).getByRole('img', { name: 'To start from' }).waitFor();
    await page.reload();
    await visitor.prompt.fill('a blue apple');
    await visitor.generate.click();
    await resultOf(page, 'a blue apple').waitFor();
    const [job] = (await site.safelight.list({ limit: 1 })).jobs;
    assert.match(job?.settings.initImage ?? '', /^uploads\//);
  });

  test('is drawn anew only where it is painted over', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await visitor.prompt.waitFor();
    await dropFile(page, 'apple.png', apple);
    await page.getByRole('button', { name: 'Start from it' }).click();
    await page.getByRole('button', { name: 'Paint a mask' }).click();
    const dialog = page.getByRole('dialog', { name: 'Paint what to draw anew' });
    await dialog.getByRole('spinbutton').fill('50');
    const canvas = dialog.getByRole('img', { name: 'Painted mask' });
    await page.waitForFunction(() => document.querySelector('canvas')?.width === 128, undefined, { polling: 100 });
    const box = await canvas.boundingBox();
    assert.ok(box);
    // A stroke of half the width down the right edge: a quarter is painted.
    await page.mouse.move(box.x + box.width - 2, box.y + 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 2, box.y + box.height - 2, { steps: 8 });
    await page.mouse.up();
    await dialog.getByRole('button', { name: 'Use this mask' }).click();
    await page.getByText('Only what you painted is drawn anew').waitFor();
    await page.getByRole('spinbutton', { name: 'Strength' }).fill('1');
    await visitor.prompt.fill('a blue heart on a black background');
    await visitor.generate.click();
    await resultOf(page, 'a blue heart').waitFor();
    const [job] = (await site.safelight.list({ limit: 1 })).jobs;
    assert.ok(job?.settings.mask);
    const [kept, drawn] = [await difference(job.id, 0, 64), await difference(job.id, 108, 20)];
    assert.ok(kept < 12 && drawn > 2 * kept, `kept ${kept}, drawn ${drawn}`);
  });
});
