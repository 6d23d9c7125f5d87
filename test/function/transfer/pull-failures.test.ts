/** What a pull does where S3 or this machine fails it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openBundle } from '../../../function/src/bundle/open-bundle.ts';
import type { FunctionError } from '../../../function/src/errors.ts';
import { pullBundle } from '../../../function/src/transfer/pull-bundle.ts';
import { type S3Request, type S3Server, startS3Server } from '../../support/s3-server.ts';
import { assertWhole, isFile, isRanged, rejectsWith, setUp } from './pull-fixture.ts';
import { TEST_PART_BYTES } from './test-bundle.ts';

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
