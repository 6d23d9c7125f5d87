import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type SafelightServer, type ServerOptions, startServer } from '../../../function/src/api/serve.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../jobs/temporary-folder.ts';

describe('the playground over HTTP', () => {
  let folder: TemporaryFolder;
  let log: string[];
  const servers: SafelightServer[] = [];

  const serve = async (options: Partial<ServerOptions> = {}): Promise<SafelightServer> => {
    const dataDir = join(folder.path, `data-${servers.length}`);
    const playgroundDir = join(folder.path, 'built');
    const logger = (_level: string, event: string, fields = {}) => void log.push(JSON.stringify({ event, ...fields }));
    const server = await startServer({
      engine: createFakeEngine(),
      dataDir,
      port: 0,
      playgroundDir,
      logger,
      apiKeys: ['a-key-of-sixteen-characters'],
      ...options,
    });
    servers.push(server);
    return server;
  };

  before(async () => {
    log = [];
    folder = await createTemporaryFolder();
    await mkdir(join(folder.path, 'built/assets'), { recursive: true });
    await writeFile(join(folder.path, 'built/index.html'), '<!doctype html><title>Safelight</title>');
    await writeFile(join(folder.path, 'built/config.json'), '{}');
    await writeFile(join(folder.path, 'built/.sources'), 'private');
    await writeFile(join(folder.path, 'built/assets/index-1a2b.js'), `console.log('${'x'.repeat(10_000)}');`);
    await writeFile(join(folder.path, 'secret.json'), '{"secret":true}');
  });
  after(async () => {
    for (const server of servers) await server.close();
    await folder[Symbol.asyncDispose]();
  });

  it('is there without a key, and lets nothing in from elsewhere', async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/?from=a-link`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.equal(response.headers.get('cache-control'), 'no-cache');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('x-frame-options'), 'DENY');
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.match(await response.text(), /<title>Safelight/);
    assert.equal((await fetch(`${url}/trpc/health`)).status, 401);
    assert.ok(log.some((line) => line.includes('"route":"playground"')));
    assert.ok(!log.join().includes('a-link'));
  });

  it('has assets that are kept for ever, and sent compressed to those who take it', async () => {
    const { url } = await serve();
    const asset = `${url}/assets/index-1a2b.js`;
    const response = await fetch(asset);
    assert.equal(response.headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.equal(response.headers.get('content-encoding'), 'gzip');
    assert.ok(Number(response.headers.get('content-length')) < 1000);
    assert.match(await response.text(), /^console\.log/);
    const plain = await fetch(asset, { headers: { 'accept-encoding': 'identity, gzip;q=0' } });
    assert.equal(plain.headers.get('content-encoding'), null);
    const etag = response.headers.get('etag') ?? '';
    assert.equal((await fetch(asset, { headers: { 'if-none-match': etag } })).status, 304);
    const head = await fetch(asset, { method: 'HEAD' });
    assert.equal(await head.text(), '');
    assert.equal((await fetch(asset, { method: 'POST' })).status, 400);
  });

  it('hands out nothing but its own files', async () => {
    const { url } = await serve();
    for (const path of ['/index.html', '/assets/', '/.sources', '/..%2fsecret.json', '/assets/..%2f..%2fsecret.json']) {
      const response = await fetch(url + path);
      assert.equal(response.status, 404, path);
      assert.match(response.headers.get('content-type') ?? '', /json/);
    }
  });

  it('lets pictures in from where a proxy hands them out', async () => {
    const { url } = await serve({ publicUrl: 'https://pictures.example/safelight/' });
    const policy = (await fetch(url)).headers.get('content-security-policy') ?? '';
    assert.match(policy, /img-src 'self' https:\/\/pictures\.example blob:;/);
  });

  it('says how it is built where it is not, and is there as soon as it is; the API works all the while', async () => {
    const playgroundDir = join(folder.path, 'later');
    const { url } = await serve({ playgroundDir, apiKeys: [] });
    const missing = await fetch(url);
    assert.equal(missing.status, 404);
    assert.match(await missing.text(), /npm run playground/);
    assert.equal((await fetch(`${url}/trpc/health`)).status, 200);
    await mkdir(playgroundDir);
    await writeFile(join(playgroundDir, 'index.html'), 'built');
    assert.equal(await (await fetch(url)).text(), 'built');
  });
});
