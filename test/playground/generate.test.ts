/** The playground in a real browser, before a real server with the embedded model, from empty folders. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { createEngine } from '../../function/src/create-engine.ts';
import type { Engine } from '../../function/src/engine.ts';
import { launchBrowser, skip } from './support/browser.ts';
import { assertPicture, make, resultOf, type Site, serveSite, visit } from './support/open-playground.ts';

describe('the playground', { skip }, () => {
  let browser: Browser;
  let engine: Engine;
  let site: Site;
  let cacheDir: string;

  before(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'safelight-playground-cache-'));
    engine = await createEngine({ cacheDir });
    [browser, site] = await Promise.all([launchBrowser(), serveSite(engine)]);
  });
  after(async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
    await engine.close();
    await rm(cacheDir, { recursive: true, force: true });
  });

  test('draws a first picture from an empty cache, and says on the way what it is doing', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'a fox' }).click();
    assert.equal(await visitor.prompt.inputValue(), 'a fox');
    // Progress is written ten times a second, and a fast machine draws twenty steps in two of those.
    await page.getByLabel('Steps', { exact: true }).fill('100');
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(window, { seen });
      new MutationObserver(() => {
        const title = document.querySelector('.progress-title')?.textContent ?? '';
        if (title !== '' && seen.at(-1) !== title) seen.push(title);
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });

    const result = await make(visitor, 'a fox');
    await assertPicture(result.getByRole('img'), 128);
    const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen);
    assert.ok(seen.includes('Starting a worker'), seen.join());
    const steps = seen.flatMap((title) => /^Step (\d+) of 100$/.exec(title)?.[1] ?? []).map(Number);
    assert.ok(steps.length > 3, seen.join());
    assert.deepEqual(
      steps,
      steps.toSorted((a, b) => a - b),
    );
    await page.getByText(/^About \d/).waitFor();
    assert.deepEqual(complaints, []);
  });

  test('finds its history and its form again after a reload', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await make(visitor, 'a rocket');
    await page.reload();
    const history = page.getByRole('region', { name: 'History' });
    await history.getByRole('button', { name: 'a rocket, seed' }).waitFor();
    await history.getByRole('button', { name: 'a fox, seed' }).waitFor();
    await assertPicture(history.getByRole('img', { name: 'a rocket' }), 128);
    assert.equal(await visitor.prompt.inputValue(), 'a rocket');
  });

  test('makes the very same picture again from its settings', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page, prompt } = visitor;
    await page.getByLabel('Sampler').selectOption('Euler a');
    await page.getByLabel('Steps', { exact: true }).fill('6');
    await page.getByLabel('Pictures').fill('2');
    await page.getByText('More settings').click();
    await page.getByLabel('Guidance from').fill('0.2');
    await page.getByLabel('Guidance until').fill('0.8');
    await page.getByLabel('Deep cache').fill('2');
    await make(visitor, 'an owl');
    await page.getByRole('button', { name: 'Roll a seed' }).click();
    await page.getByLabel('Guidance from').fill('');
    await page.getByLabel('Guidance until').fill('2');
    await visitor.generate.click();
    await page.getByText('Guidance until must be').waitFor();
    await page.getByLabel('Guidance until').fill('');
    await page.getByLabel('Deep cache').fill('11');
    await visitor.generate.click();
    await page.getByText('Deep cache must be').waitFor();
    await page.getByLabel('Steps', { exact: true }).fill('9');
    await prompt.fill('something else');

    await resultOf(page, 'an owl').nth(1).click();
    const dialog = page.getByRole('dialog', { name: 'Picture' });
    await dialog.getByText('Denoising').waitFor();
    await dialog.getByText('Worker time').waitFor();
    await dialog.getByRole('button', { name: 'Use these settings' }).click();
    await page.getByText('The form has these settings now.').waitFor();
    assert.equal(await prompt.inputValue(), 'an owl');
    assert.equal(await page.getByLabel('Pictures').inputValue(), '1');
    await visitor.generate.click();
    // The first two give way to the one that is made again.
    await resultOf(page, 'an owl').nth(1).waitFor({ state: 'detached' });
    await resultOf(page, 'an owl').waitFor();

    const [again, first] = (await site.safelight.list({ limit: 2 })).jobs;
    assert.ok(again?.status === 'succeeded' && first?.status === 'succeeded');
    assert.equal(again.images[0]?.sha256, first.images[1]?.sha256);
    assert.equal(again.settings.sampler, 'euler_a');
    assert.equal(again.settings.steps, 6);
    assert.deepEqual([again.settings.guidanceStart, again.settings.guidanceEnd], [0.2, 0.8]);
    assert.equal(again.settings.deepCache, 2);
  });

  test('cancels a job that is on its way, also after a reload', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await page.getByLabel('Steps', { exact: true }).fill('1000');
    await visitor.prompt.fill('a tiger');
    await visitor.generate.click();
    const result = page.getByRole('region', { name: 'Result' });
    await result.getByText(/^Step \d+ of 1000$/).waitFor();
    await page.reload();
    await result.getByText(/^Step \d+ of 1000$/).waitFor();

    // Another one waits behind it, and says so.
    await page.getByLabel('Steps', { exact: true }).fill('2');
    await visitor.prompt.fill('a lion');
    await visitor.generate.click();
    await result.getByText('Next in line').waitFor();
    await page.getByRole('region', { name: 'History' }).getByRole('button', { name: 'a tiger' }).click();
    await result.getByRole('button', { name: 'Cancel' }).click();
    await result.getByText('Cancelled', { exact: true }).waitFor();
    await page.getByRole('region', { name: 'History' }).getByRole('button', { name: 'a lion, seed' }).waitFor();
    const { jobs } = await site.safelight.list({ limit: 2 });
    assert.deepEqual(
      jobs.map(({ settings, status }) => [settings.prompt, status]),
      [
        ['a lion', 'succeeded'],
        ['a tiger', 'canceled'],
      ],
    );
  });

  test('is used by keyboard: Ctrl+Enter generates, Escape closes, the focus comes back', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page, prompt } = visitor;
    await page.getByLabel('Steps', { exact: true }).fill('2');
    await prompt.fill('a pear');
    await prompt.press('Control+Enter');
    const result = resultOf(page, 'a pear');
    await result.waitFor();
    await result.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.ok(await result.evaluate((button) => button === document.activeElement));
  });

  test('saves the file as the server made it', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await page.getByRole('region', { name: 'History' }).getByRole('button', { name: 'a fox, seed' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ]);
    const data = await readFile(await download.path());
    const { jobs } = await site.safelight.list({ limit: 100 });
    const job = jobs.find(({ settings }) => settings.prompt === 'a fox');
    assert.ok(job?.status === 'succeeded');
    assert.equal(download.suggestedFilename(), `safelight-${job.settings.seed}.png`);
    assert.equal(createHash('sha256').update(data).digest('hex'), job.images[0]?.sha256);
  });

  test('signs the URL of a picture again when it has expired', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await page.getByLabel('Steps', { exact: true }).fill('2');
    await make(visitor, 'a duck');
    let refused = 0;
    await page.route('**/objects/**', (route) => {
      if (refused > 0) return route.continue();
      refused++;
      return route.fulfill({ status: 403 });
    });
    await page.reload();
    const pictures = page.getByRole('region', { name: 'History' }).getByRole('img');
    await pictures.first().waitFor();
    await page.waitForFunction(
      () => Array.from(document.images).every(({ naturalWidth }) => naturalWidth === 128),
      undefined,
      { polling: 100 },
    );
    assert.equal(refused, 1);
    assert.ok(visitor.requests.some((url) => url.includes('/trpc/images.sign')));
  });

  test('says how the prompt is read, and what the model does not know', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await visitor.prompt.fill('a (red:1.3) apple');
    await page.getByText('3 tokens · red ×1.3').waitFor();
    await page.getByLabel('Steps', { exact: true }).fill('2');
    await make(visitor, 'a gryphon');
    await page
      .getByText(/gryphon/)
      .filter({ hasText: /not|know/ })
      .first()
      .waitFor();
  });

  test('says what a picture costs, before and after', async () => {
    await using priced = await serveSite(engine, {
      gpuPrice: { perHour: 3600, currency: 'USD', priceDate: '2026-01-01' },
    });
    await using visitor = await visit(browser, priced.server.url);
    const { page } = visitor;
    await page.getByLabel('Steps', { exact: true }).fill('4');
    const result = await make(visitor, 'a globe');
    await page.getByText(/^About \d+\.\d s, about \d+\.\d{4} USD$/).waitFor();
    await result.click();
    const [job] = (await priced.safelight.list()).jobs;
    assert.ok(job?.status === 'succeeded' && job.usage.price !== undefined);
    await page
      .getByRole('dialog')
      .getByText(`${job.usage.price.amount.toFixed(4)} USD`)
      .waitFor();
  });

  test('says at the field what is wrong with it', async () => {
    await using visitor = await visit(browser, site.server.url);
    const { page, prompt } = visitor;
    await visitor.generate.click();
    await page.getByText('Prompt is empty: say what to draw').waitFor();
    assert.equal(await prompt.getAttribute('aria-invalid'), 'true');
    await prompt.fill('a fox');
    await page.getByLabel('Width').fill('100');
    await visitor.generate.click();
    await page.getByText('Width must be a multiple of 8').waitFor();
    assert.equal(await page.getByLabel('Width').getAttribute('aria-invalid'), 'true');
    assert.equal(await prompt.getAttribute('aria-invalid'), 'false');
  });
});
