import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { S3Client } from '@aws-sdk/client-s3';
import { startFauxqs } from 'fauxqs';
import { createS3ObjectStore } from '../../../function/src/storage/aws/s3-object-store.ts';
import { CREDENTIALS } from '../../support/aws/dynamodb.ts';
import { type S3Server, startS3Server } from '../../support/s3-server.ts';
import { describeObjectStore, KEY, type ObjectStoreFixture, PNG } from './object-store-contract.ts';

const DATA = new Uint8Array([1, 2, 3]);
const BUCKET = 'pictures';
const SIGN = { expiresInSeconds: 60, baseUrl: '' };

const createFixture = async (): Promise<ObjectStoreFixture & { server: S3Server }> => {
  let time = 1_700_000_000_500;
  const now = () => time;
  const server = await startS3Server({ buckets: [BUCKET], now });
  return {
    server,
    now,
    store: createS3ObjectStore({ client: server.client(), bucket: BUCKET, now, retryDelayMs: 1 }),
    advance: (milliseconds) => {
      time += milliseconds;
    },
    async fetch(url) {
      const response = await fetch(url);
      const body = new Uint8Array(await response.arrayBuffer());
      return { status: response.status, contentType: response.headers.get('content-type') ?? undefined, body };
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
};

describeObjectStore('S3', createFixture);

describe('the S3 object store', () => {
  const isPut = ({ method }: { method: string }) => method === 'PUT';

  it('outlives an S3 that is slow, away or has another upload under way', async () => {
    await using fixture = await createFixture();
    fixture.server.inject({ status: 503, code: 'SlowDown' }, isPut, 1);
    fixture.server.inject({ status: 500, code: 'InternalError' }, isPut, 1);
    fixture.server.inject({ status: 409, code: 'ConditionalRequestConflict' }, isPut, 1);
    assert.equal(await fixture.store.put(KEY, DATA, PNG), 'created');
    assert.equal(fixture.server.count(isPut), 4);
    fixture.server.inject({ status: 503, code: 'SlowDown' }, ({ method }) => method === 'GET', 2);
    assert.deepEqual(new Uint8Array((await fixture.store.get(KEY)) ?? []), DATA);
  });

  it('finds its own object when the answer to a first try was lost', async () => {
    await using fixture = await createFixture();
    await fixture.store.put(KEY, DATA, PNG);
    fixture.server.inject({ status: 409, code: 'ConditionalRequestConflict' }, isPut, 1);
    assert.equal(await fixture.store.put(KEY, DATA, PNG), 'exists');
  });

  it('gives up after four tries with an error that may pass, and says nothing of bucket or key', async () => {
    await using fixture = await createFixture();
    fixture.server.inject({ status: 503, code: 'SlowDown' }, isPut);
    await assert.rejects(fixture.store.put(KEY, DATA, PNG), (error: Error) => {
      assert.deepEqual(
        { ...error, message: error.message, cause: undefined }.message,
        'The service is busy: try again',
      );
      assert.doesNotMatch(String(error.cause), /pictures|jobs/);
      return (error as { isRetryable?: boolean }).isRetryable === true;
    });
    assert.equal(fixture.server.count(isPut), 4);
  });

  it('does not repeat what S3 refuses', async () => {
    await using fixture = await createFixture();
    fixture.server.inject({ status: 403, code: 'AccessDenied' }, isPut);
    await assert.rejects(fixture.store.put(KEY, DATA, PNG), /AccessDenied/);
    assert.equal(fixture.server.count(isPut), 1);
  });

  it('signs URLs that take one file and no other, until they expire', async () => {
    await using fixture = await createFixture();
    const { store } = fixture;
    const key = `uploads/ann/${'ab'.repeat(32)}.png`;
    const sha256 = createHash('sha256').update(DATA).digest('hex');
    const file = { contentType: 'image/png', bytes: DATA.length, sha256 };
    const { url, method, headers, expiresAt } = await store.signUpload(key, { ...SIGN, ...file });
    const send = async (body: Uint8Array<ArrayBuffer>, sent: Record<string, string> = headers) =>
      (await fetch(url, { method, headers: sent, body })).status;
    assert.equal(await send(new Uint8Array([1, 2, 4])), 400, 'other bytes');
    assert.equal(await send(new Uint8Array([1, 2, 3, 4])), 403, 'another length');
    assert.equal(await send(DATA, { ...headers, 'content-type': 'image/webp' }), 403, 'another type');
    const other = { ...headers, 'x-amz-checksum-sha256': Buffer.alloc(32).toString('base64') };
    assert.equal(await send(DATA, other), 403, 'another checksum');
    assert.equal(await send(DATA, { 'content-type': 'image/png' }), 403, 'no checksum');
    assert.equal((await fetch(url)).status, 403, 'a URL for writing does not read');
    assert.equal(await store.stat(key), undefined);
    assert.equal(await send(DATA), 200);
    assert.equal(await send(DATA), 200, 'sent again');
    assert.deepEqual(new Uint8Array((await store.get(key)) ?? []), DATA);
    fixture.advance(expiresAt - fixture.now());
    assert.equal(await send(DATA), 403, 'expired');
    await assert.rejects(store.signUpload(key, { ...SIGN, ...file, contentType: 'image/webp' }), TypeError);
  });

  it('signs no longer than the credentials that sign are good for, and says so', async () => {
    const expiration = new Date(1_700_000_030_000);
    const client = new S3Client({ region: 'us-east-1', credentials: { ...CREDENTIALS, expiration } });
    const store = createS3ObjectStore({ client, bucket: BUCKET, now: () => 1_700_000_000_000 });
    const { url, expiresAt } = await store.sign(KEY, { expiresInSeconds: 900, baseUrl: '' });
    assert.equal(expiresAt, expiration.getTime());
    assert.equal(new URL(url).searchParams.get('X-Amz-Expires'), '30');
    client.destroy();
  });

  it('speaks a language that another S3 understands', async () => {
    const server = await startFauxqs({ port: 0, logger: false });
    server.createBucket(BUCKET);
    const endpoint = `http://127.0.0.1:${server.port}`;
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: CREDENTIALS });
    const store = createS3ObjectStore({ client, bucket: BUCKET });
    assert.equal(await store.put(KEY, DATA, PNG), 'created');
    assert.deepEqual(await store.stat(KEY), { bytes: 3, contentType: 'image/png' });
    const { url } = await store.sign(KEY, { expiresInSeconds: 60, baseUrl: '' });
    assert.deepEqual(new Uint8Array(await (await fetch(url)).arrayBuffer()), DATA);
    await store.delete(KEY);
    assert.equal(await store.get(KEY), undefined);
    client.destroy();
    await server.stop();
  });
});
