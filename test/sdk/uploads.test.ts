import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { InvalidInputError, type UploadSource } from '@safelight/sdk';
import { uploadFile } from '@safelight/sdk/node';
import { createClient } from '../../sdk/src/client.ts';
import { createFakeClock } from './support/fake-clock.ts';
import { createFakeFetch, failure, hang, type SeenRequest, success } from './support/fake-fetch.ts';
import { reasonOf } from './support/reason-of.ts';

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3, 4, 5]);
const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]);
const WEBP = new TextEncoder().encode('RIFF\x01\x02\x03\x04WEBPVP8 ');
const sha256 = createHash('sha256').update(PNG).digest('hex');
const KEY = `uploads/local/${sha256}.png`;
const ticket = (url = 'https://storage.example/put?signature=secret') => ({
  ...{ key: KEY, url, method: 'PUT', headers: { 'content-type': 'image/png', 'x-checksum': 'abc' } },
  expiresAt: '2999-01-01T00:00:00.000Z',
});

/** Answers tickets, and sends what `put` says for the transfer. */
function setUp(put: (request: SeenRequest, index: number) => Response | Promise<Response> = () => new Response()) {
  let puts = 0;
  const { fetch, requests } = createFakeFetch((request) => {
    if (request.path === 'uploads.create') return success(ticket());
    return put(request, puts++);
  });
  const clock = createFakeClock();
  const client = createClient({ endpoint: 'https://api.example', apiKey: 'sk-secret-key', fetch }, clock);
  return { client, clock, requests, paths: () => requests.map(({ path }) => path) };
}

describe('an upload', () => {
  const stream = () => new Blob([PNG]).stream();
  const sources: [string, () => UploadSource][] = [
    ['a Blob', () => new Blob([PNG])],
    ['a File with a wrong name and type', () => new File([PNG], 'x.gif', { type: 'image/gif' })],
    ['an ArrayBuffer', () => PNG.slice().buffer],
    ['a Uint8Array that is part of a larger one', () => new Uint8Array([9, ...PNG, 9]).subarray(1, PNG.length + 1)],
    ['a Buffer', () => Buffer.from(PNG)],
    ['a web stream', stream],
    [
      'an async iterable',
      () =>
        (async function* () {
          yield PNG.subarray(0, 4);
          yield PNG.subarray(4);
        })(),
    ],
    ['a Response', () => new Response(PNG)],
  ];
  for (const [name, source] of sources) {
    it(`takes ${name}`, async () => {
      const { client, requests } = setUp();
      const uploaded = await client.upload(source());
      assert.deepEqual(uploaded, { key: KEY, contentType: 'image/png', bytes: PNG.length, sha256 });
      assert.deepEqual(requests[0]?.body, { contentType: 'image/png', bytes: PNG.length, sha256 });
      const put = requests[1];
      assert.equal(put?.headers.get('x-checksum'), 'abc');
      assert.equal(put?.headers.get('authorization'), null, 'the key is for the endpoint alone');
    });
  }

  it('takes a URL, without showing it the key, and the path of a file', async () => {
    const { client, requests } = setUp((request) => new Response(request.url.includes('source') ? PNG : null));
    assert.equal((await client.upload(new URL('https://elsewhere.example/source.png'))).key, KEY);
    assert.equal(requests[0]?.headers.get('authorization'), null);
    const folder = await mkdtemp(join(tmpdir(), 'safelight-'));
    await writeFile(join(folder, 'a.png'), PNG);
    assert.equal((await uploadFile(client, join(folder, 'a.png'))).key, KEY);
    await assert.rejects(uploadFile(client, join(folder, 'none.png')), { code: 'ENOENT' });
    await rm(folder, { recursive: true });
  });

  it('tells JPEG and WebP by their data', async () => {
    const { client, requests } = setUp();
    await client.upload(JPEG);
    await client.upload(WEBP);
    const types = requests.flatMap(({ body }) =>
      body === undefined ? [] : [(body as { contentType: string }).contentType],
    );
    assert.deepEqual(types, ['image/jpeg', 'image/webp']);
  });

  it('refuses other things before anything is sent', async () => {
    const { client, requests } = setUp();
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)) });
    const wrong: [unknown, RegExp][] = [
      [new TextEncoder().encode('GIF89a'), /no PNG, JPEG or WebP/],
      [new Uint8Array(), /no PNG, JPEG or WebP/],
      ['/path/to/file.png', /for a path use uploadFile/],
      [undefined, /must be a Blob/],
      [new Blob([new Uint8Array(20 * 1024 * 1024 + 1)]), /larger than 20 MiB/],
      [endless, /larger than 20 MiB/],
      [new Response(null), /without a body/],
      [
        (async function* () {
          yield 'text';
        })(),
        /stream of bytes/,
      ],
    ];
    for (const [source, message] of wrong) {
      const error = await reasonOf(client.upload(source as UploadSource));
      assert.ok(InvalidInputError.isInstance(error), String(message));
      assert.match(error.message, message);
    }
    assert.equal(requests.length, 0);
  });

  it('is tried again after a failure that can pass, and with a new ticket after the URL expired', async () => {
    const { client, clock, paths } = setUp((_, index) => new Response('', { status: [503, 403, 200][index] ?? 200 }));
    const uploading = client.upload(PNG);
    await clock.runUntilSettled(uploading);
    assert.equal((await uploading).key, KEY);
    assert.deepEqual(paths(), ['uploads.create', '/put', '/put', 'uploads.create', '/put']);
  });

  it('gives up when the storage goes on refusing, without naming the URL', async () => {
    const { client, requests } = setUp(() => new Response('<Error>secret</Error>', { status: 403 }));
    const error = await reasonOf(client.upload(PNG));
    assert.ok(error instanceof Error);
    assert.doesNotMatch(`${error.message}${JSON.stringify(error)}`, /secret|storage\.example/);
    assert.equal(requests.length, 4);
  });

  it('ends with the signal, and after the time for a transfer', async () => {
    const { client, clock } = setUp((request) => hang(request));
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = reasonOf(client.upload(PNG, { signal: controller.signal }));
    await clock.advance(1);
    controller.abort(reason);
    assert.equal(await aborted, reason);
    const slow = reasonOf(client.upload(PNG));
    await clock.runUntilSettled(slow);
    assert.equal(((await slow) as { code?: string }).code, 'request_timeout');
    assert.equal(clock.pendingTimers(), 0);
  });
});

describe('usage and estimates', () => {
  it('send what the contract asks for, and no prompt', async () => {
    const entry = { day: '2026-01-01', key: 'local', jobs: 1, images: 1, gpuSeconds: 2 };
    const { fetch, requests } = createFakeFetch(({ path }) =>
      path === 'usage.get' ? success({ entries: [entry] }) : success({ seconds: 3, queued: 0 }),
    );
    const client = createClient({ endpoint: 'https://api.example', fetch }, createFakeClock());
    assert.deepEqual(await client.usage({ from: '2026-01-01', to: '2026-01-31' }), [entry]);
    assert.deepEqual(await client.estimate({ prompt: 'private', negativePrompt: 'secret', seed: 1, steps: 5 }), {
      seconds: 3,
      queued: 0,
    });
    const grid = { x: [{ prompt: 'private' }, { prompt: 'other' }], y: [{ steps: 5 }, { steps: 6 }] };
    await client.estimate({ prompt: 'private', grid });
    assert.equal((await client.estimate({})).seconds, 3);
    const input = JSON.parse(new URL(requests[1]?.url ?? '').searchParams.get('input') ?? '');
    assert.equal(input.steps, 5);
    assert.doesNotMatch(JSON.stringify(input), /private|secret|seed/);
    const ofGrid = JSON.parse(new URL(requests[2]?.url ?? '').searchParams.get('input') ?? '');
    assert.deepEqual(ofGrid.grid, { x: [{}, {}], y: [{ steps: 5 }, { steps: 6 }] });
    const wrong = await reasonOf(client.usage({ from: '2026-02-01', to: '2026-01-01' }));
    assert.ok(InvalidInputError.isInstance(wrong) && wrong.field === 'from');
    assert.ok(InvalidInputError.isInstance(await reasonOf(client.estimate({ steps: 0 }))));
    assert.equal(requests.length, 4);
  });

  it('fail as other calls do', async () => {
    const { fetch } = createFakeFetch(() => failure(403, { code: 'forbidden' }));
    const client = createClient({ endpoint: 'https://api.example', fetch }, createFakeClock());
    await assert.rejects(client.usage({ from: '2026-01-01', to: '2026-01-01' }), { name: 'AuthenticationError' });
  });
});
