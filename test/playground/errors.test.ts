/** What the playground says when something is wrong, and how it goes on when it is not any more. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { startServer } from '../../function/src/api/serve.ts';
import { createFakeEngine } from '../function/jobs/fake-engine.ts';
import { launchBrowser, skip } from './support/browser.ts';
import { serveSite, visit } from './support/open-playground.ts';

const apiKey = 'a-key-of-sixteen-characters-or-more';

/** Draws until it is told to stop. */
const endlessEngine = () =>
  createFakeEngine({
    onGenerate: (_settings, _call, signal) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
  });

describe('the playground in trouble', { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  test('asks for the key that a server wants, says when it is wrong, and keeps it for the tab only', async () => {
    await using site = await serveSite(createFakeEngine(), { apiKeys: [apiKey] });
    await using visitor = await visit(browser, site.server.url);
    const { page, requests } = visitor;
    const field = page.getByLabel('API key', { exact: true });
    const button = page.getByRole('button', { name: 'Use this key' });
    await field.fill('with space');
    await button.click();
    await page.getByText('The key must be printable ASCII characters').waitFor();
    await field.fill('wrong-key-of-sixteen-characters');
    await button.click();
    await page.getByText('This server needs a valid API key').waitFor();
    assert.equal(await visitor.prompt.count(), 0);
    await field.fill(apiKey);
    await button.click();
    await visitor.prompt.waitFor();

    await page.reload();
    await visitor.prompt.waitFor();
    assert.deepEqual(
      requests.filter((url) => url.includes('sixteen')),
      [],
    );
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
    assert.ok(!stored.includes(apiKey), stored);
    await page.getByRole('button', { name: 'Forget the API key' }).click();
    await field.waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.getItem('safelight.key')), null);
  });

  test('says that the server is gone, and finds it again by itself', async () => {
    await using site = await serveSite(createFakeEngine());
    await using visitor = await visit(browser, site.server.url);
    const { page, generate } = visitor;
    await visitor.prompt.fill('a fox');
    await site.server.close();
    const message = page.getByRole('alert').filter({ hasText: 'The server does not answer' });
    await message.waitFor();
    assert.ok(await generate.isDisabled());
    assert.equal(await visitor.prompt.inputValue(), 'a fox');

    await using back = await startServer({ ...site.options, port: site.server.port }).then((server) => ({
      server,
      [Symbol.asyncDispose]: () => server.close(),
    }));
    await message.waitFor({ state: 'detached' });
    await generate.click();
    await page.getByRole('region', { name: 'History' }).getByRole('button', { name: 'a fox, seed 42' }).waitFor();
    assert.equal((await site.safelight.list()).jobs.length, 1);
    assert.equal(back.server.port, site.server.port);
  });

  test('says that the queue is full', async () => {
    await using site = await serveSite(endlessEngine(), { maxQueued: 1 });
    await using visitor = await visit(browser, site.server.url);
    const { page, generate } = visitor;
    await visitor.prompt.fill('a fox');
    await generate.click();
    await page.getByRole('region', { name: 'Result' }).getByText('Starting a worker').first().waitFor();
    await generate.click();
    await page.getByRole('region', { name: 'Result' }).getByText('Next in line').waitFor();
    await generate.click();
    await page.getByRole('alert').filter({ hasText: 'The queue is full' }).waitFor();
    const { jobs } = await site.safelight.list();
    assert.equal(jobs.length, 2);
    await Promise.all(jobs.map(({ id }) => site.safelight.cancel(id)));
  });

  test('says in words why a job failed', async () => {
    const failing = createFakeEngine({
      onGenerate: () => {
        throw new Error('broken on purpose');
      },
    });
    await using site = await serveSite(failing);
    await using visitor = await visit(browser, site.server.url);
    const { page } = visitor;
    await visitor.prompt.fill('a fox');
    await visitor.generate.click();
    await page.getByRole('region', { name: 'Result' }).getByRole('alert').waitFor();
    await page.getByRole('button', { name: 'Use these settings' }).click();
    assert.equal(await page.getByLabel('Seed', { exact: true }).inputValue(), '42');
  });

  test('works as a site of its own, with the endpoint that config.json names', async () => {
    const corsOrigins: string[] = [];
    await using api = await serveSite(createFakeEngine(), {
      playgroundDir: '/nowhere',
      corsOrigins,
      apiKeys: [apiKey],
    });
    // Its policy lets the other server's address in, as that of the site has to.
    await using site = await serveSite(createFakeEngine(), { publicUrl: api.server.url });
    corsOrigins.push(site.server.url);
    await using visitor = await visit(browser, 'about:blank');
    const { page } = visitor;
    await page.route('**/config.json', (route) => route.fulfill({ json: { endpoint: api.server.url } }));
    await page.goto(site.server.url);
    await page.getByLabel('API key', { exact: true }).fill(apiKey);
    await page.getByRole('button', { name: 'Use this key' }).click();
    await visitor.prompt.fill('a fox');
    await visitor.generate.click();
    await page.getByRole('region', { name: 'History' }).getByRole('button', { name: 'a fox' }).waitFor();
    assert.equal((await api.safelight.list()).jobs.length, 1);
    assert.equal((await site.safelight.list()).jobs.length, 0);
  });
});
