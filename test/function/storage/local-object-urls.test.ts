import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLocalObjectStore } from '../../../function/src/storage/local/local-object-store.ts';
import { createTemporaryFolder } from '../jobs/temporary-folder.ts';
import { KEY } from './object-store-contract.ts';

const READ = { method: 'GET', key: KEY } as const;

describe('the local object store', () => {
  it('signs URLs for one key until they expire', async () => {
    await using folder = await createTemporaryFolder();
    let time = 1_000_000_400;
    const store = await createLocalObjectStore({ dataDir: folder.path, now: () => time });
    const { url, expiresAt } = await store.sign(KEY, { expiresInSeconds: 60, baseUrl: 'http://127.0.0.1:1' });
    assert.equal(expiresAt, 1_000_060_000);
    const { pathname, searchParams } = new URL(url);
    assert.equal(pathname, `/objects/${KEY}`);
    const query = {
      expires: searchParams.get('expires') ?? '',
      signature: searchParams.get('signature') ?? '',
    };
    store.verify(READ, query);
    const forbidden = { code: 'forbidden' };
    assert.throws(() => store.verify({ method: 'GET', key: KEY.replace('0.png', '1.png') }, query), forbidden);
    assert.throws(() => store.verify(READ, { ...query, expires: '2000000000' }), forbidden);
    assert.throws(() => store.verify(READ, { ...query, expires: `${query.expires}.0` }), forbidden);
    assert.throws(() => store.verify(READ, { ...query, signature: '' }), forbidden);
    assert.throws(
      () =>
        store.verify(READ, {
          ...query,
          signature: `A${query.signature.slice(1)}` === query.signature ? 'B' : `A${query.signature.slice(1)}`,
        }),
      forbidden,
    );
    time = expiresAt - 1;
    store.verify(READ, query);
    time = expiresAt;
    assert.throws(() => store.verify(READ, query), forbidden);
    const elsewhere = await createTemporaryFolder();
    await using _ = elsewhere;
    const other = await createLocalObjectStore({ dataDir: elsewhere.path, now: () => 0 });
    assert.throws(() => other.verify(READ, query), forbidden, 'another folder has another secret');
  });

  it('signs URLs for sending one file, and no other, until they expire', async () => {
    await using folder = await createTemporaryFolder();
    let time = 1_000_000_400;
    const store = await createLocalObjectStore({ dataDir: folder.path, now: () => time });
    const file = { bytes: 3, sha256: 'ab' };
    const signed = await store.signUpload(KEY, {
      ...{ ...file, contentType: 'image/png', expiresInSeconds: 60, baseUrl: 'http://127.0.0.1:1' },
    });
    assert.deepEqual(signed.headers, { 'content-type': 'image/png' });
    assert.equal(signed.method, 'PUT');
    const { searchParams } = new URL(signed.url);
    const query = { expires: searchParams.get('expires') ?? '', signature: searchParams.get('signature') ?? '' };
    const grant = { method: 'PUT', key: KEY, ...file } as const;
    store.verify(grant, query);
    const forbidden = { code: 'forbidden' };
    assert.throws(() => store.verify({ ...grant, bytes: 4 }, query), forbidden);
    assert.throws(() => store.verify({ ...grant, sha256: 'cd' }, query), forbidden);
    assert.throws(() => store.verify(READ, query), forbidden, 'a URL for writing does not read');
    const read = new URL((await store.sign(KEY, { expiresInSeconds: 60, baseUrl: 'http://x' })).url).searchParams;
    const readQuery = { expires: read.get('expires') ?? '', signature: read.get('signature') ?? '' };
    assert.throws(() => store.verify(grant, readQuery), forbidden, 'a URL for reading does not write');
    time = signed.expiresAt;
    assert.throws(() => store.verify(grant, query), forbidden);
    await assert.rejects(
      store.signUpload(KEY, { ...file, contentType: 'image/webp', expiresInSeconds: 1, baseUrl: '' }),
      TypeError,
    );
  });

  it('keeps its secret over restarts, and says when it is damaged', async () => {
    await using folder = await createTemporaryFolder();
    await createLocalObjectStore({ dataDir: folder.path });
    const path = join(folder.path, 'url-secret');
    const secret = await readFile(path);
    await createLocalObjectStore({ dataDir: folder.path });
    assert.deepEqual(await readFile(path), secret);
    await writeFile(path, 'short');
    await assert.rejects(createLocalObjectStore({ dataDir: folder.path }), { code: 'unavailable' });
  });
});
