import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { chromium } from 'playwright-core';

const executablePath = '/usr/bin/chromium';

const isInstalled = () =>
  access(executablePath).then(
    () => true,
    () => false,
  );

/** The Chromium that is installed, else Debian's, installed now; `undefined` where neither works. */
export async function launchChromium(): Promise<Browser | undefined> {
  if (!(await isInstalled())) await installChromium();
  return (await isInstalled()) ? chromium.launch({ executablePath, args: ['--no-sandbox'] }) : undefined;
}

async function installChromium(): Promise<void> {
  const install = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium';
  await promisify(execFile)('bash', ['-c', install]).catch(() => undefined);
}

/** A site of one page, `<main>`, which loads a script. */
export async function startSite(script: string) {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html><main></main><script type="module" src="/page.js"></script>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}
