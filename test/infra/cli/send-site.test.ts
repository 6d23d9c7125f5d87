import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { SiteFile } from '../../../infra/src/cli/aws-account.ts';
import { readSite } from '../../../infra/src/cli/read-site.ts';
import { sendSite } from '../../../infra/src/cli/send-site.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../../function/jobs/temporary-folder.ts';
import { type S3Server, startS3Server } from '../../support/s3-server.ts';

describe('the files of the playground', () => {
  let folder: TemporaryFolder;
  let s3: S3Server;
  let files: SiteFile[];
  beforeEach(async () => {
    folder = await createTemporaryFolder();
    s3 = await startS3Server({ buckets: ['site'] });
    await mkdir(join(folder.path, 'assets'));
    await writeFile(join(folder.path, 'index.html'), '<!doctype html>');
    await writeFile(join(folder.path, 'config.json'), '{ "endpoint": null }');
    await writeFile(join(folder.path, 'assets/index-1a2b.js'), 'start()');
    await writeFile(join(folder.path, '.sources'), 'a hash');
    files = await readSite(folder.path);
  });
  afterEach(async () => {
    await s3.close();
    await folder[Symbol.asyncDispose]();
  });

  const stored = () => [...s3.objects.keys()].sort();

  it('are sent with their types, and say how long they may be kept', async () => {
    await sendSite(s3.client(), 'site', files);
    const headers = Object.fromEntries(
      [...s3.objects].map(([path, { contentType, cacheControl }]) => [path, [contentType, cacheControl]]),
    );
    assert.deepEqual(headers, {
      'site/assets/index-1a2b.js': ['text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
      'site/config.json': ['application/json', 'no-cache'],
      'site/index.html': ['text/html; charset=utf-8', 'no-cache'],
    });
  });

  it('replace those of before: the page after what it names, and what it named before at last', async () => {
    s3.put('site/assets/index-0000.js', Buffer.from('old()'));
    s3.put('site/index.html', Buffer.from('old'));
    await sendSite(s3.client(), 'site', files);
    assert.deepEqual(stored(), ['site/assets/index-1a2b.js', 'site/config.json', 'site/index.html']);
    const changes = s3.requests.filter(({ method }) => method !== 'GET').map(({ method, key }) => `${method} ${key}`);
    assert.deepEqual(changes.slice(-2), ['PUT index.html', 'DELETE assets/index-0000.js']);
  });

  it('leave the old page whole when they do not get through', async () => {
    s3.put('site/assets/index-0000.js', Buffer.from('old()'));
    s3.put('site/index.html', Buffer.from('old'));
    s3.inject({ status: 403, code: 'AccessDenied' }, ({ key }) => key === 'index.html', 1);
    await assert.rejects(sendSite(s3.client(), 'site', files), { name: 'AccessDenied' });
    assert.equal(s3.objects.get('site/index.html')?.body.toString(), 'old');
    assert.ok(stored().includes('site/assets/index-0000.js'));
  });

  it('are not taken from a folder without a page', async () => {
    await assert.rejects(readSite(join(folder.path, 'assets')), /has no index\.html/);
  });
});
