import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Images, JobImage, ResultImage } from '@safelight/sdk';
import { saveImage } from '@safelight/sdk/node';
import { createClient } from '../../sdk/src/client.ts';
import { createFakeClock } from './support/fake-clock.ts';
import { createFakeFetch, failure, hang, type SeenRequest, success } from './support/fake-fetch.ts';
import { API_KEY, IMAGE_DATA, JOB_ID, jobImage, queuedJob, succeededJob } from './support/jobs.ts';

type Answer = (request: SeenRequest, index: number) => Response | Promise<Response>;

const FRESH = { url: 'https://images.example/fresh?signature=new', expiresAt: '2999-01-01T00:00:00.000Z' };
const isApi = (request: SeenRequest) => request.url.includes('/trpc/');

function setUp(answerDownload: Answer, job = succeededJob() as object) {
  const clock = createFakeClock();
  let downloads = 0;
  const { fetch, requests } = createFakeFetch((request) => {
    if (isApi(request)) return success(request.path === 'images.sign' ? FRESH : job);
    return answerDownload(request, downloads++);
  });
  const client = createClient(
    { endpoint: 'https://api.example', apiKey: API_KEY, fetch, transferTimeoutMs: 5000 },
    clock,
  );
  const seen = () => requests.map((request) => (isApi(request) ? request.path : request.url));
  return { client, clock, requests, seen };
}

const picture = () => new Response(IMAGE_DATA);
const image = (changes: Partial<JobImage> = {}): ResultImage => ({ ...jobImage(undefined, changes), jobId: JOB_ID });

describe('downloading a picture', () => {
  it('takes the URL of the result, without sending the key', async () => {
    const { client, requests, seen } = setUp(picture);
    const data = await client.images.arrayBuffer(image());
    assert.deepEqual(new Uint8Array(data), IMAGE_DATA);
    assert.deepEqual(seen(), ['https://images.example/0.png?signature=secret']);
    assert.equal(requests[0]?.headers.has('authorization'), false);
  });

  it('gives a Blob of the right type', async () => {
    const { client } = setUp(picture);
    const blob = await client.images.blob(image());
    assert.equal(blob.type, 'image/png');
    assert.equal(blob.size, IMAGE_DATA.byteLength);
  });

  for (const [what, expiresAt] of [
    ['has expired', '2025-12-31T23:59:59.000Z'],
    ['is about to expire', '2026-01-01T00:00:20.000Z'],
    ['has no readable date', 'tomorrow'],
  ] as const) {
    it(`signs again when the URL ${what}`, async () => {
      const { client, seen } = setUp(picture);
      await client.images.arrayBuffer(image({ expiresAt }));
      assert.deepEqual(seen(), ['images.sign', FRESH.url]);
    });
  }

  it('signs again, once, when the storage refuses a URL that looks good', async () => {
    const { client, seen } = setUp((_, index) => (index === 0 ? new Response('', { status: 403 }) : picture()));
    await client.images.arrayBuffer(image());
    assert.deepEqual(seen(), ['https://images.example/0.png?signature=secret', 'images.sign', FRESH.url]);
    const refused = setUp(() => new Response('', { status: 403 }));
    await assert.rejects(refused.client.images.arrayBuffer(image()), { status: 403 });
    assert.equal(refused.seen().length, 3);
  });

  it('reads the record first when only job and index are known', async () => {
    const { client, seen } = setUp(picture);
    await client.images.arrayBuffer({ jobId: JOB_ID, index: 0 });
    assert.deepEqual(seen(), ['jobs.get', 'https://images.example/0.png?signature=secret']);
  });

  it('says when there is no such picture yet', async () => {
    const { client } = setUp(picture, queuedJob());
    await assert.rejects(client.images.blob({ jobId: JOB_ID, index: 0 }), {
      name: 'NotFoundError',
      message: `Job ${JOB_ID} has no image 0: it is queued`,
    });
    await assert.rejects(setUp(picture).client.images.blob({ jobId: JOB_ID, index: 1 }), { name: 'NotFoundError' });
  });

  for (const [what, changes] of [
    ['SHA-256', { sha256: '0'.repeat(64) }],
    ['length', { bytes: IMAGE_DATA.byteLength + 1 }],
  ] as const) {
    it(`fails, after retries, when the ${what} differs`, async () => {
      const { client, clock, seen } = setUp(picture);
      const downloaded = client.images.arrayBuffer(image(changes));
      await clock.runUntilSettled(downloaded);
      await assert.rejects(downloaded, { name: 'InvalidResponseError', jobId: JOB_ID });
      assert.equal(seen().length, 5);
    });
  }

  it('recovers when the file was cut short once', async () => {
    const { client, clock } = setUp((_, index) => (index === 0 ? new Response(IMAGE_DATA.slice(1)) : picture()));
    const downloaded = client.images.arrayBuffer(image());
    await clock.runUntilSettled(downloaded);
    assert.equal((await downloaded).byteLength, IMAGE_DATA.byteLength);
  });

  it('retries a storage that is busy, after the pause it asks for', async () => {
    const { client, clock } = setUp((_, index) =>
      index === 0 ? new Response('', { status: 503, headers: { 'retry-after': '2' } }) : picture(),
    );
    assert.equal(await clock.runUntilSettled(client.images.arrayBuffer(image())), 2000);
  });

  it('times out and tries again', async () => {
    const { client, clock, requests } = setUp((request, index) => (index === 0 ? hang(request) : picture()));
    assert.equal(await clock.runUntilSettled(client.images.arrayBuffer(image())), 5500);
    assert.equal(requests[0]?.signal?.aborted, true);
  });

  it('ends with its deadline and its signal', async () => {
    const { client, clock } = setUp(hang);
    const late = client.images.arrayBuffer(image(), { deadlineMs: 1000 });
    assert.equal(await clock.runUntilSettled(late), 1000);
    await assert.rejects(late, { code: 'deadline_exceeded', jobId: JOB_ID });

    const controller = new AbortController();
    const aborted = client.images.arrayBuffer(image(), { signal: controller.signal });
    controller.abort('enough');
    await assert.rejects(aborted, (reason) => reason === 'enough');
    assert.equal(clock.pendingTimers(), 0);
  });

  it('takes an address relative to the endpoint', async () => {
    const { client, seen } = setUp(picture);
    await client.images.arrayBuffer(image({ url: '/files/0.png' }));
    assert.deepEqual(seen(), ['https://api.example/files/0.png']);
  });

  it('works where there is no WebCrypto, by length alone', async () => {
    const { client } = setUp(picture);
    const original = Object.getOwnPropertyDescriptor(globalThis, 'crypto');
    Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true });
    try {
      assert.equal((await client.images.arrayBuffer(image())).byteLength, IMAGE_DATA.byteLength);
    } finally {
      if (original !== undefined) Object.defineProperty(globalThis, 'crypto', original);
    }
  });
});

describe('signing a picture', () => {
  it('gives a URL to hand on', async () => {
    const { client } = setUp(picture);
    assert.deepEqual(await client.images.sign(JOB_ID, 0), FRESH);
  });

  it('says when there is none', async () => {
    const { fetch } = createFakeFetch(() => failure(404, { code: 'not_found' }));
    const client = createClient({ endpoint: 'https://api.example', fetch }, createFakeClock());
    await assert.rejects(client.images.sign(JOB_ID, 3), { name: 'NotFoundError', jobId: JOB_ID });
  });
});

describe('images.url', () => {
  const setUpUrl = () => {
    const { fetch, requests } = createFakeFetch(() =>
      success({ url: '/objects/fresh.png', expiresAt: '2026-01-01T01:00:00.000Z' }),
    );
    const clock = createFakeClock();
    return { client: createClient({ endpoint: 'https://api.example', fetch }, clock), requests, clock };
  };
  const image = (expiresAt: string) => ({ ...jobImage('https://images.example/0.png', { expiresAt }), jobId: JOB_ID });

  it('is the one that the picture came with while that is good', async () => {
    const { client, requests } = setUpUrl();
    assert.equal(await client.images.url(image('2026-01-01T00:00:31.000Z')), 'https://images.example/0.png');
    assert.equal(requests.length, 0);
  });

  it('is signed again when it is about to expire, has no readable date, or is not known', async () => {
    const { client, requests } = setUpUrl();
    const refs = [image('2026-01-01T00:00:30.000Z'), image('soon'), { jobId: JOB_ID, index: 0 }];
    for (const ref of refs) assert.equal(await client.images.url(ref), 'https://api.example/objects/fresh.png');
    assert.deepEqual(
      requests.map(({ path }) => path),
      ['images.sign', 'images.sign', 'images.sign'],
    );
  });
});

describe('saveImage', () => {
  it('makes folders, replaces the file whole, and leaves nothing else behind when it fails', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'safelight-'));
    const images = { arrayBuffer: async () => IMAGE_DATA.slice().buffer } as unknown as Images;
    const path = join(folder, 'a/b/0.png');
    const ref = { jobId: JOB_ID, index: 0 };
    await saveImage({ images }, ref, path);
    await saveImage({ images }, ref, path);
    assert.deepEqual(new Uint8Array(await readFile(path)), IMAGE_DATA);
    await assert.rejects(saveImage({ images }, ref, join(folder, 'a/b')), { code: 'EISDIR' });
    assert.deepEqual((await readdir(folder, { recursive: true })).sort(), [
      'a',
      join('a', 'b'),
      join('a', 'b', '0.png'),
    ]);
    await rm(folder, { recursive: true });
  });
});
