import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FunctionError } from '../../../function/src/errors.ts';
import { createSessionHost, type SessionHost } from '../../../function/src/runtime/session-host.ts';
import { createTimeline } from '../../../function/src/timeline.ts';
import { openRemoteModel } from '../../../function/src/transfer/open-remote-model.ts';
import { openEmbeddedBundle, temporaryFolder } from '../../support/embedded-model.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { encodeManifest } from './test-bundle.ts';

async function setUp(t: TestContext) {
  const server = await startS3Server();
  t.after(() => server.close());
  const { manifest, graphPath } = await openEmbeddedBundle();
  const source = dirname(graphPath('unet'));
  for (const name of Object.keys(manifest.files)) server.put(`models/v1/${name}`, await readFile(join(source, name)));
  server.put('models/v1/manifest.json', encodeManifest(manifest));
  const folder = join(await temporaryFolder(t), 'v1');
  const pull = { client: server.client(), bucket: 'models', prefix: 'v1', folder, retryDelayMs: 1 };
  return { server, manifest, folder, pull };
}

/** Keeps a record of sessions that were created, with whether their files were there, and of runs. */
function recordingHost(host: SessionHost, loaded: string[]): SessionHost {
  return {
    async load(session, path, settings) {
      assert.ok(existsSync(path), path);
      await host.load(session, path, settings);
      loaded.push(session);
    },
    async run(session, feeds) {
      const outputs = await host.run(session, feeds);
      loaded.push(`run ${session}`);
      return outputs;
    },
    isLost: false,
    close: host.close,
  };
}

describe('opening a model that is still in S3', () => {
  test('warms the text encoder up while the UNet is on its way, and draws from what arrived', async (t) => {
    const { server, folder, pull } = await setUp(t);
    // Until the text encoder has run, nothing of the UNet's weights arrives.
    const warm = new AbortController();
    server.inject({ until: once(warm.signal, 'abort') }, (request) => request.key === 'v1/unet.weights');
    const timeline = createTimeline();
    const host = createSessionHost();
    t.after(() => host.close());
    const loaded: string[] = [];
    const opening = openRemoteModel({ ...pull, host: recordingHost(host, loaded), timeline });
    opening.catch(() => warm.abort());
    while (!loaded.includes('run text_encoder')) await delay(10);
    assert.deepEqual(
      loaded.filter((name) => !name.startsWith('vae')),
      ['text_encoder', 'run text_encoder'],
    );
    warm.abort();
    const { model, pulled } = await opening;
    const at = (name: string) => timeline.spans.find((span) => span.name === name) ?? assert.fail(`no ${name}`);
    assert.ok(at('create.text_encoder').startMs >= at('fetch.text_encoder').endMs);
    assert.ok(at('warm_up.text_encoder').endMs <= at('fetch.unet').endMs);
    assert.ok(at('fetch.unet').endMs <= at('create.unet').startMs);

    const tokens = new Int32Array(77).fill(1) as unknown as Parameters<typeof model.encodePrompts>[0][number];
    const embeddings = await model.encodePrompts([tokens]);
    assert.deepEqual(embeddings.dims.slice(0, 2), [1, 77]);
    assert.equal(timeline.spans.filter(({ name }) => name.startsWith('warm_up')).length, 1);
    assert.equal((await pulled).folder, folder);
    assert.ok(existsSync(join(folder, 'manifest.json')));

    const again = createSessionHost();
    t.after(() => again.close());
    const runs: string[] = [];
    const here = await openRemoteModel({ ...pull, host: recordingHost(again, runs) });
    assert.equal((await here.pulled).fetchedBytes, 0);
    assert.ok(!runs.includes('run text_encoder'), 'there is nothing to wait for, so nothing runs for nothing');
  });

  test('fails with what S3 failed with, and with what a session failed with', async (t) => {
    const { server, manifest, folder, pull } = await setUp(t);
    const host: SessionHost = {
      load: async () => undefined,
      run: async () => ({}),
      isLost: false,
      close: async () => undefined,
    };
    const failing = { ...host, load: () => Promise.reject(new FunctionError('out_of_memory', 'no room')) };
    await assert.rejects(openRemoteModel({ ...pull, host: failing }), /no room/);
    assert.equal(existsSync(folder), false);
    // Under another prefix: requests of the pull that has just ended may still be on their way.
    for (const [path, object] of [...server.objects]) server.objects.set(path.replace('/v1/', '/v2/'), object);
    server.inject({ status: 403, code: 'AccessDenied' }, (request) => request.key === 'v2/unet.weights');
    const forbidden = openRemoteModel({ ...pull, host, prefix: 'v2', folder: `${folder}-b` });
    await assert.rejects(forbidden, { code: 'forbidden' });
    await assert.rejects(openRemoteModel({ ...pull, host, prefix: 'v9' }), { code: 'model_not_found' });
    const { 'unet.weights': _weights, ...files } = manifest.files;
    server.put('models/v1/manifest.json', encodeManifest({ ...manifest, files }));
    await assert.rejects(openRemoteModel({ ...pull, host }), /The bundle has no unet\.weights/);
    await assert.rejects(openRemoteModel({ ...pull, host, signal: AbortSignal.abort(new Error('early')) }), /early/);
  });
});
