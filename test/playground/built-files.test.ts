/** What is built: small, whole, and shown by `npm run serve` in a fresh clone. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ensurePlayground } from '../../function/playground/build-playground.ts';
import { sharedCacheDir, temporaryFolder } from '../support/embedded-model.ts';
import { waitForOutput } from '../support/run-cli.ts';
import { builtPlayground } from './support/built-playground.ts';

/** All that a browser loads before the first picture, in bytes after gzip. */
const FIRST_LOAD_BYTES = 200_000;

test('the first load stays within 200 kB', async (t) => {
  const folder = await builtPlayground();
  const names = (await readdir(folder, { recursive: true })).filter((name) => /\.(html|js|css|svg|json)$/.test(name));
  assert.ok(names.some((name) => name.endsWith('.js')));
  assert.ok(names.some((name) => name.endsWith('.css')));
  const sizes = await Promise.all(names.map(async (name) => gzipSync(await readFile(join(folder, name))).length));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  t.diagnostic(`${total} bytes in ${names.length} files`);
  assert.ok(total <= FIRST_LOAD_BYTES, `${total} bytes`);
});

test('nothing in the page is written into it: the content security policy lets only files in', async () => {
  const page = await readFile(join(await builtPlayground(), 'index.html'), 'utf8');
  assert.doesNotMatch(page, /<style|<script(?![^>]*\bsrc=)|\son\w+=|style=/);
  assert.match(page, /src="\.\/assets\/[\w-]+\.js"/);
});

test('what is built already is not built again', async () => {
  await ensurePlayground(await builtPlayground(), () => assert.fail('built again'));
});

test('npm run serve shows it without another command', async (t) => {
  const dataDir = await temporaryFolder(t);
  const root = join(import.meta.dirname, '../..');
  const args = ['run', '--silent', 'serve', '--', '--port', '0', '--quiet', '--data-dir', dataDir];
  const env = { ...process.env, SAFELIGHT_CACHE_DIR: sharedCacheDir };
  // A group of its own: npm has children of which each must end.
  const server = spawn('npm', args, { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const url = await waitForOutput(server, /listening on (\S+)/);
    const page = await (await fetch(url)).text();
    const [, script = ''] = /src="\.(\/assets\/[^"]+\.js)"/.exec(page) ?? [];
    assert.equal((await fetch(url + script)).headers.get('content-type'), 'text/javascript; charset=utf-8');
    const built = await readFile(join(await builtPlayground(), script), 'utf8');
    assert.equal(await (await fetch(url + script)).text(), built);
  } finally {
    process.kill(-(server.pid ?? 0), 'SIGTERM');
    await once(server, 'close');
  }
});
