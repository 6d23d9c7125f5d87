import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSafelight, type Safelight } from '@safelight/sdk';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { type SafelightServer, type ServerOptions, startServer } from '../../../function/src/api/serve.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { builtPlayground } from './built-playground.ts';

/** A server of its own with the playground at `/`, from an empty data folder. */
export interface Site extends AsyncDisposable {
  server: SafelightServer;
  dataDir: string;
  options: ServerOptions;
  safelight: Safelight;
}

export async function serveSite(engine: Engine, options: Partial<ServerOptions> = {}): Promise<Site> {
  const dataDir = await mkdtemp(join(tmpdir(), 'safelight-playground-'));
  const all = { engine, dataDir, port: 0, playgroundDir: await builtPlayground(), ...options };
  const server = await startServer(all);
  const apiKey = options.apiKeys?.[0];
  return {
    server,
    dataDir,
    options: all,
    safelight: createSafelight({ endpoint: server.url, apiKey }),
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A page as a newcomer has it: nothing stored, nothing cached. */
export interface Visit extends AsyncDisposable {
  page: Page;
  /** What the page complained of: errors, and everything that the content security policy kept out. */
  complaints: string[];
  /** Every address that was asked for. */
  requests: string[];
  prompt: Locator;
  generate: Locator;
}

export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  // A busy machine is no failure.
  context.setDefaultTimeout(90_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return {
    page,
    complaints,
    requests,
    prompt: page.getByLabel('Prompt', { exact: true }),
    generate: page.getByRole('button', { name: 'Generate' }),
    async [Symbol.asyncDispose]() {
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
    },
  };
}

/** The finished picture on the stage. */
export const resultOf = (page: Page, prompt: string): Locator =>
  page.getByRole('region', { name: 'Result' }).getByRole('button', { name: `Open: ${prompt}` });

/** Types a prompt, generates, and waits for the picture. */
export async function make({ page, prompt, generate }: Visit, text: string): Promise<Locator> {
  await prompt.fill(text);
  await generate.click();
  const result = resultOf(page, text);
  await result.first().waitFor();
  return result;
}

/** Fails unless the picture has really arrived, at this size. */
export async function assertPicture(picture: Locator, width: number): Promise<void> {
  const size = await picture.evaluate(async (image: HTMLImageElement) => {
    await image.decode();
    return image.naturalWidth;
  });
  assert.equal(size, width);
}

/** Drops a file on the page, as from a folder of this machine. */
export async function dropFile(page: Page, name: string, data: Uint8Array): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ({ fileName, bytes }) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], fileName));
      return transfer;
    },
    { fileName: name, bytes: Array.from(data) },
  );
  await page.dispatchEvent('main', 'dragover', { dataTransfer });
  await page.getByText('Drop the picture to start from it').waitFor();
  await page.dispatchEvent('main', 'drop', { dataTransfer });
}
