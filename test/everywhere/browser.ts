/**
 * The SDK in a real Chromium: through the proxy of examples/browser, and straight to a server that allows the page's origin.
 * Uses the Chromium that is installed, or installs Debian's; where neither works it says so and passes. `npm run test:browser`.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { finish, spawnCli, waitForOutput } from '../support/run-cli.ts';

const root = join(import.meta.dirname, '../..');
const executablePath = '/usr/bin/chromium';

const isInstalled = () =>
  access(executablePath).then(
    () => true,
    () => false,
  );

async function findChromium(): Promise<boolean> {
  if (await isInstalled()) return true;
  const install = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium';
  await promisify(execFile)('bash', ['-c', install]).catch(() => undefined);
  return isInstalled();
}

/** As a visitor uses the example's page: draw, look, draw again and cancel. */
async function useExample(browser: Browser, endpoint: string): Promise<void> {
  const node = ['--conditions=@safelight/source', '--import', import.meta.resolve('tsx')];
  const env = { ...process.env, SAFELIGHT_ENDPOINT: endpoint, PORT: '0' };
  const site = spawn(process.execPath, [...node, join(root, 'examples/browser/server.ts')], { env });
  try {
    const page = await browser.newPage();
    await page.goto(await waitForOutput(site, /Open (\S+)/));
    await page.getByRole('button', { name: 'Draw' }).click();
    await page.getByText('denoising').waitFor();
    await page.locator('img').waitFor({ state: 'visible' });
    await page.waitForFunction(() => document.querySelector('img')?.naturalWidth === 128);
    await page.getByRole('button', { name: 'Draw' }).click();
    await page.getByText('denoising').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('idle').waitFor();
    await page.close();
  } finally {
    site.kill();
    await once(site, 'close');
  }
}

/** Runs in a page of another origin than the server's. */
const script = `
import { createSafelight, SafelightError } from '@safelight/sdk';
globalThis.check = async (endpoint) => {
  const safelight = createSafelight({ endpoint });
  const phases = new Set();
  const { images } = await safelight.generate(
    { prompt: 'a red apple', steps: 10 },
    { onProgress: (job) => void phases.add(job.phase.name) },
  );
  const blob = await safelight.images.blob(images[0]);
  const { key } = await safelight.upload(blob);
  const error = await safelight.get('0'.repeat(26)).catch((reason) => reason);
  return {
    denoised: phases.has('denoising'), type: blob.type, uploaded: key.startsWith('uploads/'),
    error: error.name, hasRequestId: error.requestId !== undefined && SafelightError.isInstance(error),
  };
};
`;

async function useDirectly(browser: Browser, endpoint: string, page: { origin: string }): Promise<void> {
  const tab = await browser.newPage();
  await tab.goto(page.origin);
  const result = await tab.evaluate(
    (address) => (globalThis as unknown as { check(endpoint: string): Promise<unknown> }).check(address),
    endpoint,
  );
  assert.deepEqual(result, {
    ...{ denoised: true, type: 'image/png', uploaded: true, error: 'NotFoundError', hasRequestId: true },
  });
  await tab.close();
}

/** A site with one page, which loads the script. */
async function startSite() {
  const bundle = await build({
    stdin: { contents: script, resolveDir: root },
    ...{ bundle: true, format: 'esm', write: false, conditions: ['@safelight/source'] },
  });
  const server = createServer((request, response) => {
    const isScript = request.url === '/check.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript ? bundle.outputFiles[0]?.text : '<!doctype html><script type="module" src="/check.js"></script>',
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() };
}

if (!(await findChromium())) {
  console.log('Chromium: skipped, it is not installed and cannot be');
  process.exit(0);
}
const dataDir = await mkdtemp(join(tmpdir(), 'safelight-browser-'));
const site = await startSite();
const server = spawnCli(['serve', '--port', '0', '--quiet', '--data-dir', dataDir, '--cors', site.origin]);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const endpoint = await waitForOutput(server, /listening on (\S+)/);
  const name = `Chromium ${browser.version()}`;
  await useExample(browser, endpoint);
  console.log(`${name}, through a proxy: passes`);
  await useDirectly(browser, endpoint, site);
  console.log(`${name}, across origins: passes`);
} finally {
  await browser.close();
  site.close();
  server.kill('SIGTERM');
  await finish(server);
  await rm(dataDir, { recursive: true, force: true });
}
