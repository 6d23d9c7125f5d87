import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { TransferProgress } from '../../../function/src/transfer/progress.ts';
import { assertWhole, isFile, rejectsWith, setUp } from './pull-fixture.ts';
import { makeTestBundle, storeBundle, TEST_PART_BYTES } from './test-bundle.ts';

describe('pulling a bundle from S3', () => {
  test('brings every byte, in ranges, and leaves nothing else behind', async (t) => {
    const { server, bundle, folder, pull } = await setUp(t);
    const seen: TransferProgress[] = [];
    const pulled = await pull({ onProgress: (progress) => seen.push(progress) });
    await assertWhole(folder, bundle);
    assert.deepEqual(await readdir(join(folder, '..')), ['v1']);
    const totalBytes = [...bundle.files.values()].reduce((total, data) => total + data.length, 0);
    assert.equal(pulled.fetchedBytes, totalBytes);
    assert.deepEqual(pulled.manifest, bundle.manifest);
    assert.equal(server.count(isFile('unet.weights')), 10);
    const last = seen.at(-1);
    assert.deepEqual([last?.transferredBytes, last?.totalBytes, last?.reusedBytes], [totalBytes, totalBytes, 0]);
    const steps = seen.map(({ transferredBytes }) => transferredBytes);
    assert.deepEqual(
      steps,
      [...steps].sort((a, b) => a - b),
    );
  });

  test('licence and use restrictions arrive with the manifest, before the files', async (t) => {
    const { server, bundle, pull } = await setUp(t);
    let requestsBefore = -1;
    await pull({
      onManifest: ({ model }) => {
        requestsBefore = server.requests.length;
        assert.deepEqual(model.license, bundle.manifest.model.license);
      },
    });
    assert.equal(requestsBefore, 1);
  });

  test('a copy that is there is used: only the manifest is read', async (t) => {
    const { server, pull } = await setUp(t);
    await pull();
    const before = server.requests.length;
    const ready: string[] = [];
    const again = await pull({ onFileReady: ({ file, path }) => void ready.push(`${file} ${existsSync(path)}`) });
    assert.equal(server.requests.length, before + 1);
    assert.equal(again.fetchedBytes, 0);
    assert.equal(ready[0], 'tokenizer.json true');
    assert.equal(ready.length, 8);
  });

  test('files are ready in the order a picture needs them, at a path that can be opened', async (t) => {
    const { pull } = await setUp(t);
    const ready: string[] = [];
    await pull({
      concurrency: 1,
      async onFileReady({ file, path }) {
        ready.push(file);
        await delay(5);
        assert.ok(existsSync(path), `${path} went away while it was being opened`);
      },
    });
    // The empty file needs nothing fetched.
    assert.deepEqual(ready, [
      'notes.txt',
      'tokenizer.json',
      'text_encoder.onnx',
      'text_encoder.weights',
      'unet.onnx',
      'unet.weights',
      'vae_decoder.onnx',
      'vae_decoder.weights',
    ]);
  });

  test('a new version fetches only what changed', async (t) => {
    const { server, bundle, folder, pull } = await setUp(t);
    await pull();
    const other = await makeTestBundle({ seed: 77 });
    const name = 'vae_decoder.weights';
    const changed = other.files.get(name) as Buffer;
    const entry = other.manifest.files[name] as (typeof other.manifest.files)[string];
    const next = {
      manifest: { ...bundle.manifest, files: { ...bundle.manifest.files, [name]: entry } },
      files: new Map(bundle.files).set(name, changed),
    };
    storeBundle(server, next);
    const { fetchedBytes } = await pull();
    assert.equal(fetchedBytes, changed.length);
    await assertWhole(folder, next);
    assert.deepEqual(await readdir(join(folder, '..')), ['v1']);
  });

  test('a damaged copy is healed part by part', async (t) => {
    const { bundle, folder, pull } = await setUp(t);
    await pull();
    await writeAt(join(folder, 'unet.weights'), TEST_PART_BYTES * 4 + 9, 'damage');
    const { fetchedBytes } = await pull({ shouldRecheck: true });
    assert.equal(fetchedBytes, TEST_PART_BYTES);
    await assertWhole(folder, bundle);
    await truncate(join(folder, 'text_encoder.weights'), TEST_PART_BYTES);
    assert.equal((await pull()).fetchedBytes, TEST_PART_BYTES * 2 + 17);
    await assertWhole(folder, bundle);
  });

  test('a folder that holds something else is left alone', async (t) => {
    const { folder, pull } = await setUp(t);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'thesis.txt'), 'mine');
    await assert.rejects(pull(), rejectsWith('conflict', /holds other files/));
    assert.deepEqual(await readdir(folder), ['thesis.txt']);
  });
});

describe('pulling the same bundle twice at once', () => {
  test('fetches it once, and both get it', async (t) => {
    const { server, bundle, folder, pull } = await setUp(t);
    server.inject({ latencyMs: 50 }, isFile('unet.weights'));
    const ready: string[] = [];
    const onFileReady = ({ file }: { file: string }) => void ready.push(file);
    const pulled = await Promise.all([pull({ onFileReady }), pull({ onFileReady }), pull({ onFileReady })]);
    assert.equal(pulled.filter(({ fetchedBytes }) => fetchedBytes > 0).length, 1);
    assert.equal(server.count(isFile('unet.weights')), 10);
    assert.equal(ready.length, 3 * bundle.files.size);
    await assertWhole(folder, bundle);
  });

  test('takes over from a process that was killed, with what it had fetched', async (t) => {
    const { server, bundle, folder, pull } = await setUp(t);
    server.inject({ latencyMs: 60_000 }, (request) => request.key === 'v1/vae_decoder.weights', 1);
    const script = join(import.meta.dirname, 'pull-process.ts');
    const options = ['--conditions=@safelight/source', '--import', 'tsx', script, server.endpoint, folder];
    const child = spawn(process.execPath, options, { stdio: 'ignore' });
    const isNearlyThrough = () => server.count((request) => request.key === 'v1/vae_decoder.weights') === 1;
    while (!isNearlyThrough()) await delay(20);
    await delay(200);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    assert.deepEqual((await readdir(join(folder, '..'))).sort(), ['v1.lock', 'v1.partial']);

    const started = performance.now();
    const { fetchedBytes } = await pull();
    assert.equal(fetchedBytes, TEST_PART_BYTES);
    assert.ok(performance.now() - started < 5000);
    await assertWhole(folder, bundle);
    assert.deepEqual(await readdir(join(folder, '..')), ['v1']);
  });

  test('takes over from an owner in another container once it has been silent', async (t) => {
    const { bundle, folder, pull } = await setUp(t);
    await mkdir(join(folder, '..'), { recursive: true });
    await writeFile(`${folder}.lock`, JSON.stringify({ pid: 1, pidNamespace: 'pid:[1]', progress: {} }));
    const controller = new AbortController();
    const waiting = pull({ signal: controller.signal });
    setTimeout(() => controller.abort(new Error('still waiting')), 500);
    await assert.rejects(waiting, /still waiting/);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(`${folder}.lock`, longAgo, longAgo);
    await pull();
    await assertWhole(folder, bundle);
  });
});

async function writeAt(path: string, position: number, text: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(text, position);
  await file.close();
}
