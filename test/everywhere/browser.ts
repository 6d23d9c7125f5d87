/**
 * The SDK in a real Chromium: through the proxy of examples/browser, and straight to a server that allows the page's origin.
 * Uses the Chromium that is installed, or installs Debian's; where neither works it says so and passes. `npm run test:browser`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { finish, spawnCli, waitForOutput } from '../support/run-cli.ts';
import { launchChromium, startSite } from './chromium.ts';
import { createEmptyProject, root } from './empty-project.ts';

/** As a visitor uses the example's page: draw, look, draw again and cancel. */
async function tryExample(browser: Browser, endpoint: string): Promise<void> {
  const node = ['--conditions=@safelight/source', '--import', import.meta.resolve('tsx')];
  const env = { ...process.env, SAFELIGHT_ENDPOINT: endpoint, PORT: '0' };
  const site = spawn(process.execPath, [...node, join(root, 'examples/browser/server.ts')], { env });
  try {
    const page = await browser.newPage();
    await page.goto(await waitForOutput(site, /Open (\S+)/));
    // A busy machine may be done denoising before anybody looks: the page itself keeps what it showed.
    await page.evaluate(() => {
      new MutationObserver(() => {
        document.body.dataset.shown = `${document.body.dataset.shown ?? ''}\n${document.body.innerText}`;
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    // So many that each phase is seen, however fast the machine.
    let steps = 100;
    await page.route('**/jobs.submit*', (route) =>
      route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), steps }) }),
    );
    await page.getByRole('button', { name: 'Draw' }).click();
    await page.locator('img').waitFor({ state: 'visible' });
    await page.waitForFunction(() => document.querySelector('img')?.naturalWidth === 128, undefined, { polling: 100 });
    assert.match((await page.locator('body').getAttribute('data-shown')) ?? '', /denoising/);
    steps = 1000;
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
    { prompt: 'a red apple', steps: 100 },
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

async function tryDirectly(browser: Browser, endpoint: string, origin: string): Promise<void> {
  const tab = await browser.newPage();
  await tab.goto(origin);
  const result = await tab.evaluate(
    (address) => (globalThis as unknown as { check(endpoint: string): Promise<unknown> }).check(address),
    endpoint,
  );
  assert.deepEqual(result, {
    ...{ denoised: true, type: 'image/png', uploaded: true, error: 'NotFoundError', hasRequestId: true },
  });
  await tab.close();
}

/** A component on the README's hook. */
const reactPage = `
import { createRoot } from 'react-dom/client';
import { createSafelight } from '@safelight/sdk';
import { useGenerate } from './use-generate.tsx';

const safelight = createSafelight({ endpoint: new URLSearchParams(location.search).get('endpoint') ?? '' });
function App() {
  const generation = useGenerate(safelight);
  return (
    <>
      <button onClick={() => void generation.start({ prompt: 'a red apple' })}>Draw</button>
      <button onClick={() => void generation.start({ prompt: '' })}>Fail</button>
      <button onClick={() => void generation.start({ prompt: 'a red apple', steps: 1000 })}>Take long</button>
      <button onClick={generation.reset}>Reset</button>
      <p>{generation.status === 'running' ? generation.job?.phase.name : generation.status}</p>
      {generation.status === 'failed' && <em>{String(generation.error)}</em>}
      {generation.status === 'succeeded' && <img src={generation.result.images[0]?.url} />}
    </>
  );
}
createRoot(document.querySelector('main')!).render(<App />);
`;

/** The page, type-checked and bundled in a project that has the packed SDK and React. */
async function bundleReactPage(): Promise<string> {
  await using project = await createEmptyProject();
  await project.install('react', 'react-dom', '@types/react', '@types/react-dom', 'typescript@5.9');
  const readme = await readFile(join(root, 'sdk/README.md'), 'utf8');
  await project.write('use-generate.tsx', /^```tsx\n(.*?)^```/ms.exec(readme)?.[1] ?? '');
  await project.write('page.tsx', reactPage);
  const options = { strict: true, noEmit: true, jsx: 'react-jsx', module: 'esnext', moduleResolution: 'bundler' };
  const compilerOptions = { ...options, target: 'es2022', allowImportingTsExtensions: true };
  await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['page.tsx'] }));
  await project.run('npx', ['tsc', '-p', '.']);
  const { outputFiles } = await build({
    entryPoints: [join(project.folder, 'page.tsx')],
    ...{ bundle: true, format: 'esm', write: false, jsx: 'automatic' },
  });
  return outputFiles[0]?.text ?? '';
}

async function tryReactPage(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByText('idle').waitFor();
  await page.getByRole('button', { name: 'Draw' }).click();
  await page.waitForFunction(() => document.querySelector('img')?.naturalWidth === 128, undefined, { polling: 100 });
  await page.getByRole('button', { name: 'Fail' }).click();
  await page.getByText('InvalidInputError: prompt is empty').waitFor();
  await page.getByRole('button', { name: 'Take long' }).click();
  await page.getByText('denoising').waitFor();
  await page.getByRole('button', { name: 'Reset' }).click();
  await page.getByText('idle').waitFor();
  await page.close();
}

const browser = await launchChromium();
if (browser === undefined) {
  console.log('Chromium: skipped, it is not installed and cannot be');
  process.exit(0);
}
const dataDir = await mkdtemp(join(tmpdir(), 'safelight-browser-'));
const bundle = await build({
  stdin: { contents: script, resolveDir: root },
  ...{ bundle: true, format: 'esm', write: false, conditions: ['@safelight/source'] },
});
const sites = [await startSite(bundle.outputFiles[0]?.text ?? ''), await startSite(await bundleReactPage())];
const origins = sites.map(({ origin }) => origin);
const server = spawnCli(['serve', '--port', '0', '--quiet', '--data-dir', dataDir, '--cors', ...origins]);
try {
  const endpoint = await waitForOutput(server, /listening on (\S+)/);
  const name = `Chromium ${browser.version()}`;
  await tryExample(browser, endpoint);
  console.log(`${name}, through a proxy: passes`);
  await tryDirectly(browser, endpoint, origins[0] ?? '');
  console.log(`${name}, across origins: passes`);
  await tryReactPage(browser, `${origins[1]}/?endpoint=${endpoint}`);
  console.log(`${name}, the README's React hook: passes`);
} finally {
  await browser.close();
  for (const site of sites) site.close();
  server.kill('SIGTERM');
  await finish(server);
  await rm(dataDir, { recursive: true, force: true });
}
