import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openBundle } from '../../../function/src/bundle/open-bundle.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import type { TransferProgress } from '../../../function/src/transfer/progress.ts';
import { type PullBundleParams, pullBundle } from '../../../function/src/transfer/pull-bundle.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { type S3Request, type S3Server, startS3Server } from '../../support/s3-server.ts';
import { makeTestBundle, storeBundle, TEST_PART_BYTES, type TestBundle } from './test-bundle.ts';

interface Setup {
  server: S3Server;
  bundle: TestBundle;
  folder: string;
  pull(params?: Partial<PullBundleParams>): ReturnType<typeof pullBundle>;
}

async function setUp(t: TestContext): Promise<Setup> {
  const server = await startS3Server();
  t.after(() => server.close());
  const bundle = await makeTestBundle();
  storeBundle(server, bundle);
  const folder = join(await temporaryFolder(t), 'models', 'v1');
  const client = server.client();
  const defaults = { client, bucket: 'models', prefix: 'v1', folder, retryDelayMs: 1 };
  return { server, bundle, folder, pull: (params = {}) => pullBundle({ ...defaults, ...params }) };
}

const isFile = (name: string) => (request: S3Request) => request.method === 'GET' && request.key === `v1/${name}`;
const isRanged = (request: S3Request) => request.range !== undefined;

async function assertWhole(folder: string, { files }: TestBundle): Promise<void> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  assert.deepEqual(names.sort(), [...files.keys(), 'manifest.json'].sort());
  for (const [name, data] of files) assert.ok(data.equals(await readFile(join(folder, name))), name);
  await openBundle(folder);
}

function rejectsWith(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof FunctionError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message} ${error.cause}`, /AKIA|secret|X-Amz|Signature=/);
    return true;
  };
}

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

describe('when S3 misbehaves, a pull', () => {
  test('fetches a wrong part again', async (t) => {
    const { server, bundle, folder, pull } = await setUp(t);
    server.inject({ isCorrupt: true }, (request) => isFile('unet.weights')(request) && isRanged(request), 3);
    await pull();
    await assertWhole(folder, bundle);
    assert.equal(server.count(isFile('unet.weights')), 13);
  });

  test('names file, part and both checksums where it stays wrong, and a later pull goes on from there', async (t) => {
    const { server, bundle, folder, pull } = await setUp(t);
    const isFifth = (request: S3Request) => request.range?.startsWith(`bytes=${TEST_PART_BYTES * 4}-`) === true;
    server.inject({ isCorrupt: true }, (request) => isFile('unet.weights')(request) && isFifth(request), 4);
    const expected =
      /Part 5 of 10 of unet\.weights arrived damaged from s3:\/\/models\/v1\/unet\.weights: its CRC32 is [0-9a-f]{8}, it should be [0-9a-f]{8}/;
    await assert.rejects(pull({ concurrency: 1 }), rejectsWith('model_corrupt', expected));
    assert.equal(existsSync(folder), false);
    const { fetchedBytes } = await pull();
    assert.equal(fetchedBytes, TEST_PART_BYTES * 7 + 700);
    await assertWhole(folder, bundle);
  });

  test('goes on after cut connections, 500s and SlowDown', async (t) => {
    const { server, bundle, folder, pull } = await setUp(t);
    server.inject({ cutAfterBytes: 1000 }, isRanged, 4);
    server.inject({ cutAfterBytes: 0 }, isRanged, 2);
    server.inject({ status: 500 }, isRanged, 2);
    server.inject({ status: 503, code: 'SlowDown' }, () => true, 2);
    await pull();
    await assertWhole(folder, bundle);
  });

  test('gives up after its tries where connections are always cut', async (t) => {
    const { server, folder, pull } = await setUp(t);
    server.inject({ cutAfterBytes: 100 }, isFile('unet.weights'));
    await assert.rejects(pull(), (error: unknown) => {
      rejectsWith('unavailable', /s3:\/\/models\/v1\/unet\.weights/)(error);
      return (error as FunctionError).isRetryable;
    });
    assert.equal(existsSync(folder), false);
  });

  test('does not wait for ever: silence and a trickle end', async (t) => {
    const { server, pull } = await setUp(t);
    server.inject({ latencyMs: 5000 }, isFile('unet.onnx'));
    await assert.rejects(
      pull({ stallTimeoutMs: 40, tries: 2 }),
      rejectsWith('unavailable', /sent nothing for 0\.04 s/),
    );
    server.inject({ trickle: { bytes: 10, everyMs: 5 } }, isFile('vae_decoder.onnx'));
    const slow = pull({ stallTimeoutMs: 1000, partTimeoutMs: 60, tries: 2, concurrency: 1 });
    await assert.rejects(slow, rejectsWith('unavailable', /took longer than 0\.06 s/));
  });

  test('says which bucket, key, permission or credential is missing', async (t) => {
    const { server, pull } = await setUp(t);
    await assert.rejects(pull({ bucket: 'other' }), rejectsWith('not_found', /no bucket other/));
    await assert.rejects(
      pull({ prefix: 'v2' }),
      rejectsWith('model_not_found', /s3:\/\/models\/v2: it has no manifest\.json/),
    );
    const stranger = server.client({ accessKeyId: 'AKIASTRANGERSTRANGER' });
    await assert.rejects(pull({ client: stranger }), rejectsWith('unauthorized', /credentials for s3:\/\/models/));
    server.inject({ status: 403, code: 'AccessDenied' }, isFile('unet.weights'));
    const denied = /s3:\/\/models\/v1\/unet\.weights is denied: the credentials need s3:GetObject/;
    await assert.rejects(pull(), rejectsWith('forbidden', denied));
  });

  test('names an object that is missing, or has another length', async (t) => {
    const { server, pull } = await setUp(t);
    server.objects.delete('models/v1/unet.onnx');
    await assert.rejects(pull(), rejectsWith('model_corrupt', /unet\.onnx is missing, though/));
    server.put('models/v1/unet.onnx', Buffer.alloc(1300));
    await assert.rejects(pull(), rejectsWith('model_corrupt', /unet\.onnx has 1300 bytes, and the manifest says 1200/));
    server.put('models/v1/manifest.json', Buffer.from('{"formatVersion": 99}'));
    await assert.rejects(pull(), rejectsWith('model_corrupt', /manifest\.json is not a manifest of this version/));
  });

  test('finds no server', async (t) => {
    const { server, pull } = await setUp(t);
    await server.close();
    await assert.rejects(pull(), rejectsWith('unavailable', /connection failed at s3:\/\/models\/v1\/manifest\.json/));
  });
});

describe('on this side, a pull', () => {
  test('knows before it starts that the disk is too small', async (t) => {
    const { server, pull } = await setUp(t);
    await assert.rejects(pull({ freeBytes: async () => 1000 }), rejectsWith('storage_full', /needs 1 MB more/));
    assert.equal(server.count(isRanged), 0);
  });

  test('says where it cannot write', async (t) => {
    const { folder, pull } = await setUp(t);
    await writeFile(join(folder, '..', '..', 'file'), '');
    const blocked = join(folder, '..', '..', 'file', 'v1');
    await assert.rejects(pull({ folder: blocked }), rejectsWith('unavailable', /cannot be written to/));
  });

  test('stops at once when it is aborted, looks unfinished, and goes on next time', async (t) => {
    const { server, bundle, folder, pull } = await setUp(t);
    server.inject({ latencyMs: 30_000 }, (request) => request.key === 'v1/vae_decoder.weights');
    const controller = new AbortController();
    const reason = new Error('Ctrl-C');
    const pulling = pull({ signal: controller.signal });
    while (server.count(isFile('vae_decoder.weights')) === 0) await delay(5);
    await delay(100);
    controller.abort(reason);
    const started = performance.now();
    await assert.rejects(pulling, (error: unknown) => error === reason);
    assert.ok(performance.now() - started < 3000);
    assert.equal(existsSync(folder), false);
    assert.deepEqual(await readdir(join(folder, '..')), ['v1.partial']);
    await assert.rejects(openBundle(`${folder}.partial`), { code: 'model_corrupt' });

    const { fetchedBytes } = await (await resumeWithoutFaults(server, folder)).pull();
    assert.ok(fetchedBytes <= TEST_PART_BYTES * 2, `${fetchedBytes} bytes were fetched again`);
    await assertWhole(folder, bundle);
  });

  test('takes an abort that came before it', async (t) => {
    const { server, pull } = await setUp(t);
    await assert.rejects(pull({ signal: AbortSignal.abort(new Error('early')) }), /early/);
    assert.equal(server.count(isRanged), 0);
  });

  test('fails with what its listener failed with', async (t) => {
    const { folder, pull } = await setUp(t);
    await assert.rejects(pull({ onFileReady: () => Promise.reject(new Error('no session')) }), /no session/);
    assert.equal(existsSync(folder), false);
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

async function resumeWithoutFaults(old: S3Server, folder: string) {
  const server = await startS3Server();
  for (const [path, object] of old.objects) server.objects.set(path, object);
  const pull = async () => {
    try {
      return await pullBundle({ client: server.client(), bucket: 'models', prefix: 'v1', folder });
    } finally {
      await server.close();
    }
  };
  return { pull };
}

async function writeAt(path: string, position: number, text: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(text, position);
  await file.close();
}
