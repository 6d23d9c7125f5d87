import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { describe, it, mock } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLocalObjectStore } from '../../../function/src/storage/local/local-object-store.ts';
import { createTemporaryFolder } from '../jobs/temporary-folder.ts';
import { describeObjectStore, KEY, type ObjectStoreFixture, PNG } from './object-store-contract.ts';

const bytes = (value: number, length = 1000) => new Uint8Array(length).fill(value);
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
const isRoot = process.getuid?.() === 0;

const filesUnder = async (path: string) =>
  (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

/** Runs code in a process of its own, with the store at hand. */
const inProcess = async (dataDir: string, body: string) => {
  const module = fileURLToPath(new URL('../../../function/src/storage/local/local-object-store.ts', import.meta.url));
  const program = `import { createLocalObjectStore } from ${JSON.stringify(module)};
    const store = await createLocalObjectStore({ dataDir: ${JSON.stringify(dataDir)} });
    ${body}`;
  const args = ['--conditions=@safelight/source', '--import', 'tsx', '--input-type=module', '-e', program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.equal(code, 0);
  return output;
};

const createFixture = async (): Promise<ObjectStoreFixture> => {
  const folder = await createTemporaryFolder();
  let time = 1_700_000_000_500;
  const now = () => time;
  const store = await createLocalObjectStore({ dataDir: folder.path, now });
  return {
    store,
    now,
    advance: (milliseconds) => {
      time += milliseconds;
    },
    async fetch(url) {
      const { pathname, searchParams } = new URL(url);
      const key = pathname.slice('/objects/'.length);
      const query = { expires: searchParams.get('expires') ?? '', signature: searchParams.get('signature') ?? '' };
      try {
        store.verify({ method: 'GET', key }, query);
      } catch {
        return { status: 403, contentType: undefined, body: new Uint8Array() };
      }
      const object = await store.open(key);
      assert.ok(object);
      return { status: 200, contentType: object.contentType, body: new Uint8Array(await buffer(object.stream)) };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

describeObjectStore('A folder', createFixture);

describe('the local object store', () => {
  it('gives back what was put, and says what it is', async () => {
    await using folder = await createTemporaryFolder();
    const store = await createLocalObjectStore({ dataDir: folder.path });
    assert.equal(await store.get(KEY), undefined);
    assert.equal(await store.stat(KEY), undefined);
    assert.equal(await store.open(KEY), undefined);
    assert.equal(await store.put(KEY, bytes(1), PNG), 'created');
    assert.deepEqual(new Uint8Array((await store.get(KEY)) ?? []), bytes(1));
    assert.deepEqual(await store.stat(KEY), { bytes: 1000, contentType: 'image/png' });
    await store.delete(KEY);
    await store.delete(KEY);
    assert.equal(await store.stat(KEY), undefined);
  });

  it('keeps folders and files to its user', async () => {
    await using folder = await createTemporaryFolder();
    const dataDir = join(folder.path, 'data');
    const store = await createLocalObjectStore({ dataDir });
    await store.put(KEY, bytes(1), PNG);
    assert.equal(await modeOf(dataDir), '700');
    assert.equal(await modeOf(join(dataDir, 'objects')), '700');
    assert.equal(await modeOf(join(dataDir, 'objects', 'jobs')), '700');
    assert.equal(await modeOf(join(dataDir, 'objects', KEY)), '600');
    assert.equal(await modeOf(join(dataDir, 'url-secret')), '600');
  });

  it('creates only: of many at once one wins, and what it wrote stays', async () => {
    await using folder = await createTemporaryFolder();
    const store = await createLocalObjectStore({ dataDir: folder.path });
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, value) => store.put(KEY, bytes(value), PNG)));
    const winner = outcomes.indexOf('created');
    assert.equal(outcomes.filter((outcome) => outcome === 'created').length, 1);
    assert.deepEqual(new Uint8Array((await store.get(KEY)) ?? []), bytes(winner));
    assert.equal(await store.put(KEY, bytes(99), PNG), 'exists');
    assert.deepEqual(new Uint8Array((await store.get(KEY)) ?? []), bytes(winner));
    assert.deepEqual(await readdir(join(folder.path, 'objects', '.incoming')), []);
  });

  it('creates only, among processes too; they share one secret', async () => {
    await using folder = await createTemporaryFolder();
    const body = `const outcomes = [];
      for (let i = 0; i < 50; i++)
        outcomes.push(await store.put('jobs/job/' + i + '.png', new Uint8Array(5000).fill(process.pid % 256), { contentType: 'image/png' }));
      const { url } = await store.sign('jobs/job/0.png', { expiresInSeconds: 60, baseUrl: '' });
      process.stdout.write(JSON.stringify({ created: outcomes.filter((o) => o === 'created').length, url }));`;
    const reports = await Promise.all([inProcess(folder.path, body), inProcess(folder.path, body)]);
    const parsed = reports.map((report) => JSON.parse(report) as { created: number; url: string });
    assert.equal((parsed[0]?.created ?? 0) + (parsed[1]?.created ?? 0), 50);
    const store = await createLocalObjectStore({ dataDir: folder.path });
    for (const { url } of parsed) {
      const query = new URL(url, 'http://x').searchParams;
      store.verify(
        { method: 'GET', key: 'jobs/job/0.png' },
        {
          expires: query.get('expires') ?? '',
          signature: query.get('signature') ?? '',
        },
      );
    }
    for (let i = 0; i < 50; i++) {
      const data = (await store.get(`jobs/job/${i}.png`)) ?? new Uint8Array();
      assert.equal(data.length, 5000);
      assert.ok(
        data.every((value) => value === data[0]),
        'no mix of two writers',
      );
    }
  });

  it('refuses keys outside the alphabet', async () => {
    await using folder = await createTemporaryFolder();
    const store = await createLocalObjectStore({ dataDir: folder.path });
    const keys = [
      '',
      '.',
      '..',
      '/',
      '0.png',
      '/jobs/a/0.png',
      'jobs/../0.png',
      '../jobs/0.png',
      'jobs/a/..png',
      'jobs//0.png',
      'jobs/a/0.png/',
      'jobs/a/0.svg',
      'jobs/a/0',
      'jobs/.incoming/0.png',
      'jobs\\a\\0.png',
      'jobs/a/0.png\0',
      'jobs/A/0.png',
      'jobs/a/%2e%2e/0.png',
      'jobs/a b/0.png',
      'jobs/a/0.png\n',
      `jobs/${'a'.repeat(65)}/0.png`,
      'a/b/c/d/e/f.png',
    ];
    for (const key of keys) {
      const refusal = { code: 'invalid_input', field: 'key' };
      await assert.rejects(store.put(key, bytes(1), PNG), refusal, key);
      await assert.rejects(store.get(key), refusal);
      await assert.rejects(store.open(key), refusal);
      await assert.rejects(store.stat(key), refusal);
      await assert.rejects(store.delete(key), refusal);
      await assert.rejects(store.sign(key, { expiresInSeconds: 1, baseUrl: '' }), refusal);
    }
    await assert.rejects(store.put(KEY, bytes(1), { contentType: 'text/html' }), TypeError);
  });

  it('sweeps at start what killed processes left, and only that', async () => {
    await using folder = await createTemporaryFolder();
    await createLocalObjectStore({ dataDir: folder.path });
    const incoming = join(folder.path, 'objects', '.incoming');
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    const names = {
      dead: `tmp-${dead.pid}-0123456789abcdef`,
      formerSelf: `tmp-${process.pid}-0123456789abcdef`,
      alive: `tmp-${process.ppid}-0123456789abcdef`,
      foreign: 'notes.txt',
    };
    for (const name of Object.values(names)) await writeFile(join(incoming, name), 'half');
    await writeFile(join(folder.path, names.dead), 'half a secret');
    await utimes(join(incoming, names.alive), 0, 0);
    await createLocalObjectStore({ dataDir: folder.path });
    assert.deepEqual((await readdir(incoming)).sort(), [names.alive, names.foreign].sort());
    assert.deepEqual((await readdir(folder.path)).sort(), ['objects', 'url-secret']);
  });

  it('does not start what is aborted, and leaves nothing', async () => {
    await using folder = await createTemporaryFolder();
    const store = await createLocalObjectStore({ dataDir: folder.path });
    const reason = new Error('enough');
    await assert.rejects(store.put(KEY, bytes(1), { ...PNG, signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const put = store.put(KEY, bytes(1, 50_000_000), { ...PNG, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 3);
    await put.catch((error: unknown) => assert.equal(error, reason));
    assert.deepEqual(await readdir(join(folder.path, 'objects', '.incoming')), []);
  });

  it('says storage_full on a full disk, leaves nothing behind, and goes on once there is room', async (t) => {
    await using folder = await createTemporaryFolder();
    const dataDir = join(folder.path, 'small');
    await mkdir(dataDir);
    if (!isRoot || process.platform !== 'linux') return t.skip('needs the right to mount a small file system');
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dataDir], { stdio: 'ignore' });
    } catch {
      return t.skip('mounting a small file system is not permitted here');
    }
    try {
      const store = await createLocalObjectStore({ dataDir });
      const before = await filesUnder(dataDir);
      const full = { code: 'storage_full', isRetryable: true };
      await assert.rejects(store.put(KEY, bytes(1, 1_000_000), PNG), full);
      assert.deepEqual(await filesUnder(dataDir), before);
      assert.equal(await store.put(KEY, bytes(1, 10_000), PNG), 'created');
    } finally {
      execFileSync('umount', [dataDir]);
    }
  });

  it('leaves no timers or listeners on the signal', async () => {
    await using folder = await createTemporaryFolder();
    const store = await createLocalObjectStore({ dataDir: folder.path });
    const { signal } = new AbortController();
    const added = mock.method(signal, 'addEventListener');
    const removed = mock.method(signal, 'removeEventListener');
    await store.put(KEY, bytes(1), { ...PNG, signal });
    assert.equal(added.mock.callCount(), removed.mock.callCount());
  });
});
