import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FunctionError } from '../../../function/src/errors.ts';
import type { TransferProgress } from '../../../function/src/transfer/progress.ts';
import { pullBundle } from '../../../function/src/transfer/pull-bundle.ts';
import { type PushBundleParams, pushBundle } from '../../../function/src/transfer/push-bundle.ts';
import { parseS3Uri } from '../../../function/src/transfer/s3-location.ts';
import { temporaryFolder } from '../../support/embedded-model.ts';
import { type S3Request, type S3Server, startS3Server } from '../../support/s3-server.ts';
import { encodeManifest, makeTestBundle, TEST_PART_BYTES, type TestBundle, writeBundle } from './test-bundle.ts';

async function setUp(t: TestContext) {
  const server = await startS3Server({ minPartBytes: TEST_PART_BYTES });
  t.after(() => server.close());
  const bundle = await makeTestBundle();
  const folder = join(await temporaryFolder(t), 'v1');
  await writeBundle(folder, bundle);
  const location = { client: server.client(), bucket: 'models', prefix: 'sd/v1' };
  const defaults = { ...location, folder, retryDelayMs: 1 };
  const push = (params: Partial<PushBundleParams> = {}) => pushBundle({ ...defaults, ...params });
  return { server, bundle, folder, location, push };
}

const isUpload = (request: S3Request) => request.method === 'PUT';
const isPartOf = (name: string) => (request: S3Request) => isUpload(request) && request.key === `sd/v1/${name}`;
const isManifestUpload = isPartOf('manifest.json');

function assertStored(server: S3Server, { manifest, files }: TestBundle): void {
  for (const [name, data] of files) assert.ok(server.objects.get(`models/sd/v1/${name}`)?.body.equals(data), name);
  assert.ok(server.objects.get('models/sd/v1/manifest.json')?.body.equals(encodeManifest(manifest)));
}

function rejectsWith(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof FunctionError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

describe('pushing a bundle to S3', () => {
  test('sends every file, large ones in parts, and the manifest last', async (t) => {
    const { server, bundle, push } = await setUp(t);
    const seen: TransferProgress[] = [];
    const { sentBytes, sentFiles } = await push({ onProgress: (progress) => seen.push(progress) });
    assertStored(server, bundle);
    const totalBytes = [...bundle.files.values()].reduce((total, data) => total + data.length, 0);
    assert.deepEqual([sentBytes, sentFiles.length], [totalBytes, bundle.files.size]);
    assert.equal(seen.at(-1)?.transferredBytes, totalBytes);
    assert.equal(server.count(isPartOf('unet.weights')), 10);
    assert.equal(server.requests.filter((request) => request.method !== 'GET').at(-1)?.key, 'sd/v1/manifest.json');
    assert.equal(server.uploads.size, 0);
  });

  test('what was pushed can be pulled, licence and use restrictions included', async (t) => {
    const { bundle, folder, location, push } = await setUp(t);
    await push();
    const pulled = await pullBundle({ ...location, folder: join(folder, '..', 'copy') });
    assert.deepEqual(pulled.manifest.model.license, bundle.manifest.model.license);
    assert.ok(pulled.manifest.model.license.useRestrictions.length > 0);
  });

  test('a second push sends nothing, whether S3 or only the first push says what is there', async (t) => {
    const { server, push } = await setUp(t);
    const objects = () => [...server.objects].filter(([path]) => !path.endsWith('manifest.json'));
    const sendsNothing = async () => assert.deepEqual((await push()).sentFiles, []);
    await push();
    await sendsNothing();
    for (const [, object] of objects()) object.metadata = {};
    await sendsNothing();
    for (const [, object] of objects()) object.checksums = {};
    assert.equal((await push()).sentFiles.length, objects().length);
    for (const [, object] of objects()) object.checksums = {};
    await sendsNothing();
  });

  test('a checksum of 32 bits that happens to be right does not make another file the same', async (t) => {
    const { server, push } = await setUp(t);
    await push();
    const object = server.objects.get('models/sd/v1/unet.weights');
    assert.ok(object);
    object.metadata = { fingerprint: 'of another file' };
    assert.deepEqual((await push()).sentFiles, ['unet.weights']);
  });

  test('a new version sends what changed, and has no manifest until it is whole', async (t) => {
    const { server, bundle, folder, push } = await setUp(t);
    await push();
    const other = await makeTestBundle({ seed: 50 });
    const name = 'unet.weights';
    const next = {
      manifest: { ...bundle.manifest, files: { ...bundle.manifest.files, [name]: other.manifest.files[name] } },
      files: new Map(bundle.files).set(name, other.files.get(name) as Buffer),
    } as TestBundle;
    await writeBundle(folder, next);
    server.inject({ status: 403, code: 'AccessDenied' }, isPartOf(name), 1);
    await assert.rejects(
      push(),
      rejectsWith('forbidden', /sd\/v1\/unet\.weights is denied: the credentials need s3:PutObject/),
    );
    assert.equal(server.objects.has('models/sd/v1/manifest.json'), false);
    assert.deepEqual((await push()).sentFiles, [name]);
    assertStored(server, next);
  });

  test('a manifest that alone changed replaces the old one', async (t) => {
    const { server, bundle, folder, push } = await setUp(t);
    await push();
    const manifest = { ...bundle.manifest, model: { ...bundle.manifest.model, description: 'Other words.' } };
    await writeFile(join(folder, 'manifest.json'), encodeManifest(manifest));
    assert.deepEqual((await push()).sentFiles, []);
    assertStored(server, { ...bundle, manifest });
  });

  test('an interrupted push goes on with the parts that are missing', async (t) => {
    const { server, bundle, push } = await setUp(t);
    const controller = new AbortController();
    const reason = new Error('Ctrl-C');
    server.inject({ latencyMs: 60_000 }, (request) => request.query.get('partNumber') === '8', 1);
    const pushing = push({ signal: controller.signal, concurrency: 1 });
    while (server.count((request) => request.query.get('partNumber') === '8') === 0) await delay(5);
    controller.abort(reason);
    await assert.rejects(pushing, (error: unknown) => error === reason);
    assert.equal(server.objects.has('models/sd/v1/manifest.json'), false);
    assert.equal(server.objects.has('models/sd/v1/unet.weights'), false);

    const before = server.count(isPartOf('unet.weights'));
    await push();
    assert.equal(server.count(isPartOf('unet.weights')) - before, 3);
    assertStored(server, bundle);
    assert.equal(server.uploads.size, 0);
  });

  test('an unfinished upload of other bytes is given up', async (t) => {
    const { server, folder, push } = await setUp(t);
    server.inject({ status: 403, code: 'AccessDenied' }, (request) => request.query.get('partNumber') === '5', 1);
    await assert.rejects(push({ concurrency: 1 }));
    assert.equal(server.uploads.size, 1);
    const other = await makeTestBundle({ seed: 99 });
    await writeBundle(folder, other);
    await push();
    assertStored(server, other);
    assert.equal(server.uploads.size, 0);
  });

  test('goes on after 500, SlowDown, a checksum refused on the way and a conflict that S3 asks to retry', async (t) => {
    const { server, bundle, push } = await setUp(t);
    server.inject({ status: 500 }, isPartOf('unet.weights'), 2);
    server.inject({ status: 503, code: 'SlowDown' }, isPartOf('text_encoder.weights'), 2);
    server.inject({ status: 400, code: 'BadDigest' }, isPartOf('unet.onnx'), 1);
    server.inject({ status: 409, code: 'ConditionalRequestConflict' }, isManifestUpload, 1);
    await push();
    assertStored(server, bundle);
  });

  test('of two pushes of one bundle at once both succeed; of two different ones, one hears of the other', async (t) => {
    const { server, bundle, push } = await setUp(t);
    server.inject({ latencyMs: 200 }, isManifestUpload);
    await Promise.all([push(), push()]);
    assertStored(server, bundle);

    const meanwhile = await setUp(t);
    meanwhile.server.inject({ latencyMs: 200 }, isManifestUpload);
    const pushing = meanwhile.push();
    while (meanwhile.server.count(isManifestUpload) === 0) await delay(5);
    const theirs = encodeManifest({ ...bundle.manifest, model: { ...bundle.manifest.model, description: 'theirs' } });
    meanwhile.server.put('models/sd/v1/manifest.json', theirs);
    await assert.rejects(pushing, rejectsWith('conflict', /Another push to s3:\/\/models\/sd\/v1/));
  });

  test('refuses a folder that is damaged or no bundle, before or while it sends it', async (t) => {
    const { server, folder, push } = await setUp(t);
    const file = await open(join(folder, 'unet.weights'), 'r+');
    await file.write('damage', TEST_PART_BYTES * 2 + 5);
    await file.close();
    const expected = /Part 3 of 10 of unet\.weights is damaged on this machine: its CRC32 is [0-9a-f]{8}, it should be/;
    await assert.rejects(push(), rejectsWith('model_corrupt', expected));
    assert.equal(server.objects.has('models/sd/v1/manifest.json'), false);
    await writeFile(join(folder, 'unet.onnx'), 'short');
    await assert.rejects(push(), rejectsWith('model_corrupt', /unet\.onnx should have 1200 bytes/));
    await assert.rejects(push({ folder: join(folder, '..') }), rejectsWith('model_corrupt', /manifest\.json/));
  });

  test('says which bucket or credential is missing', async (t) => {
    const { server, push } = await setUp(t);
    await assert.rejects(push({ bucket: 'other' }), rejectsWith('not_found', /no bucket other/));
    const stranger = server.client({ accessKeyId: 'AKIASTRANGERSTRANGER' });
    await assert.rejects(push({ client: stranger }), rejectsWith('unauthorized', /No valid AWS credentials/));
  });
});

test('a place in S3 is written s3://bucket/prefix', () => {
  assert.deepEqual(parseS3Uri('s3://my-models/sd/v1-5/'), { bucket: 'my-models', prefix: 'sd/v1-5' });
  assert.deepEqual(parseS3Uri('s3://my-models'), { bucket: 'my-models', prefix: '' });
  for (const wrong of ['', 'my-models/v1', 's3://', 's3://A_B/x', 'https://s3.amazonaws.com/x']) {
    assert.throws(() => parseS3Uri(wrong), rejectsWith('invalid_input', /s3:\/\/bucket\/prefix/));
  }
});
