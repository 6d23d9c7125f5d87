import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { PART_BYTES } from '../../../function/src/bundle/file-entry.ts';
import { createEngine } from '../../../function/src/create-engine.ts';
import { createRemoteEngine } from '../../../function/src/create-remote-engine.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { createRemoteAddOns } from '../../../function/src/transfer/remote-add-ons.ts';
import { openEmbeddedBundle, sharedCacheDir, temporaryFolder } from '../../support/embedded-model.ts';
import { encodeLora, layers } from '../../support/lora-files.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { quickSettings } from '../../support/settings.ts';
import { encodeSafetensors, floats } from '../checkpoint/checkpoint-writer.ts';
import { encodeManifest, noise } from './test-bundle.ts';

async function setUp(t: TestContext) {
  const server = await startS3Server();
  t.after(() => server.close());
  const folder = join(await temporaryFolder(t), 'loras');
  const place = { client: server.client(), bucket: 'models', prefix: 'loras/', folder, retryDelayMs: 1 };
  const fetched = (key: string) => server.count((request) => request.key === key && request.method === 'GET');
  return { server, folder, place, fetched };
}

describe('add-ons in S3', () => {
  test('are listed by name, fetched once, and again when they change', async (t) => {
    const { server, folder, place, fetched } = await setUp(t);
    server.put('models/loras/style.safetensors', Buffer.from('first'));
    server.put('models/loras/deep/other.PT', Buffer.from('other'));
    server.put('models/loras/../../etc/passwd.pt', Buffer.from('a key like any other'));
    server.put('models/loras/notes.txt', Buffer.from('no add-on'));
    server.put('models/elsewhere/hidden.pt', Buffer.from('not here'));
    const addOns = createRemoteAddOns(place);
    const names = [...(await addOns.list(['.safetensors', '.pt'])).keys()];
    assert.deepEqual(names, ['other', 'passwd', 'style']);
    const paths = [...(await addOns.list(['.pt'])).values()].map(({ path }) => dirname(path));
    assert.deepEqual(paths, [folder, folder]);

    const bring = async (name: string) => {
      const addOn = (await addOns.list(['.safetensors', '.pt'])).get(name);
      assert.ok(addOn);
      assert.equal(dirname(addOn.path), folder);
      await Promise.all([addOns.bring(addOn), addOns.bring(addOn)]);
      return readFile(addOn.path, 'utf8');
    };
    assert.equal(await bring('style'), 'first');
    assert.equal(await bring('style'), 'first');
    assert.equal(fetched('loras/style.safetensors'), 1);
    server.put('models/loras/style.safetensors', Buffer.from('other'));
    assert.equal(await bring('style'), 'other');
    assert.equal((await readdir(folder)).length, 2);
  });

  test('survive a bad connection, and say what is missing or not allowed', async (t) => {
    const { server, folder, place } = await setUp(t);
    const large = noise(PART_BYTES + 200_000);
    server.put('models/loras/style.pt', large);
    const addOns = createRemoteAddOns(place);
    server.inject({ status: 503, code: 'SlowDown' }, ({ query }) => query.has('list-type'), 2);
    server.inject({ cutAfterBytes: 1000 }, ({ key }) => key === 'loras/style.pt', 2);
    const style = (await addOns.list(['.pt'])).get('style');
    assert.ok(style);
    await addOns.bring(style);
    assert.ok(large.equals(await readFile(style.path)));

    server.put('models/loras/empty.pt', Buffer.alloc(0));
    const empty = (await addOns.list(['.pt'])).get('empty');
    assert.ok(empty);
    await assert.rejects(addOns.bring(empty), { code: 'model_corrupt' });
    server.put('models/loras/late.pt', Buffer.from('soon gone'));
    const late = (await addOns.list(['.pt'])).get('late');
    assert.ok(late);
    server.objects.delete('models/loras/late.pt');
    await assert.rejects(addOns.bring(late), { code: 'not_found' });
    assert.equal((await readdir(folder)).length, 1);
    server.inject({ status: 403, code: 'AccessDenied' }, ({ query }) => query.has('list-type'));
    await assert.rejects(addOns.list(['.pt']), { code: 'forbidden', message: /s3:ListBucket/ });
  });

  test('draw what they draw on this machine, to the byte', async (t) => {
    const { server, folder } = await setUp(t);
    const { manifest, graphPath } = await openEmbeddedBundle();
    const source = dirname(graphPath('unet'));
    for (const name of Object.keys(manifest.files)) server.put(`models/v1/${name}`, await readFile(join(source, name)));
    server.put('models/v1/manifest.json', encodeManifest(manifest));
    const lora = encodeLora([layers.conv, layers.text]);
    const ramp = Array.from({ length: 128 }, (_, i) => Math.sin(i));
    const embedding = encodeSafetensors(new Map([['emb_params', floats([2, 64], ramp)]]));
    server.put('models/loras/style.safetensors', lora);
    server.put('models/embeddings/zz-ramp.safetensors', embedding);
    for (const kind of ['loras', 'embeddings']) await mkdir(join(folder, kind), { recursive: true });
    await writeFile(join(folder, 'loras/style.safetensors'), lora);
    await writeFile(join(folder, 'embeddings/zz-ramp.safetensors'), embedding);

    const [lorasDir, embeddingsDir] = [join(folder, 'loras'), join(folder, 'embeddings')];
    const here = await createEngine({ cacheDir: sharedCacheDir, lorasDir, embeddingsDir });
    t.after(() => here.close());
    const locations = [{ bucket: 'models', prefix: 'v1' }];
    const client = server.client();
    const there = await createRemoteEngine({ client, locations, modelsDir: join(folder, 'models'), provider: 'cpu' });
    t.after(() => there.close());
    const draw = async (engine: Engine, prompt: string) =>
      Buffer.from((await engine.generate(quickSettings({ promptSyntax: 'a1111', prompt }))).images[0]?.data ?? []);
    const prompts = ['a red apple', 'a red apple <lora:style:0.25>', 'a zz-ramp apple <lora:style:0.25>'];
    const drawn: Buffer[] = [];
    for (const prompt of prompts) {
      drawn.push(await draw(there, prompt));
      assert.ok(drawn.at(-1)?.equals(await draw(here, prompt)), prompt);
    }
    assert.equal(new Set(drawn.map((data) => data.toString('latin1'))).size, 3);
    const unknown = quickSettings({ loras: [{ name: 'none', weight: 1 }] });
    await assert.rejects(there.generate(unknown), { code: 'invalid_input', message: /use one of style/ });
  });
});
