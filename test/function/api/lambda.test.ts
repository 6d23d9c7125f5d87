import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Job } from '@safelight/sdk/contract';
import { createApiHandler } from '../../../function/src/api/lambda/api-handler.ts';
import { silentLogger } from '../../../function/src/jobs/logger.ts';
import { type Stack, startStack } from '../../support/aws/stack.ts';
import { startTestWorker } from '../../support/aws/start-test-worker.ts';
import { createFakeEngine, fakeImageData } from '../jobs/fake-engine.ts';
import { type ApiClient, createApiClient, failureOf } from './api-client.ts';

let made = 0;
const newKey = () => `lambda-key-${made++}`;
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

describe('the API on Lambda', () => {
  const engine = createFakeEngine({ stepMs: 30 });
  let stack: Stack;
  let api: ApiClient;
  before(async () => {
    stack = await startStack({ engine });
    api = createApiClient(stack.url, bearer(await stack.createKey()));
  });
  after(() => stack[Symbol.asyncDispose]());

  it('takes a job, streams its progress and hands out its pictures', async () => {
    const worker = startTestWorker(stack, engine);
    const submitted = await api.jobs.submit.mutate({ prompt: 'a fox', seed: 7, count: 2, idempotencyKey: newKey() });
    assert.equal(submitted.status, 'queued');
    const seen: Job[] = [];
    for await (const job of api.watchJob({ jobId: submitted.id })) seen.push(job);
    await worker.drain();
    const job = seen.at(-1);
    assert.ok(job?.status === 'succeeded', job?.status);
    for (const image of job.images) {
      const data = new Uint8Array(await (await fetch(image.url)).arrayBuffer());
      assert.ok(Buffer.from(data).equals(fakeImageData(image.seed)));
    }
    assert.equal(job.usage.price?.currency, 'USD');
    const signed = await api.images.sign.query({ jobId: job.id, index: 1 });
    assert.equal((await fetch(signed.url)).status, 200);
    const day = job.finishedAt.slice(0, 10);
    const { entries } = await api.usage.get.query({ from: day, to: day });
    assert.deepEqual(
      entries.map(({ jobs, images, gpuSeconds }) => ({ jobs, images, gpuSeconds })),
      [{ jobs: 1, images: 2, gpuSeconds: job.usage.gpuSeconds }],
    );
    assert.ok(((await api.jobs.estimate.query({ count: 2 })).seconds ?? 0) > 0);
  });

  it('answers every other procedure', async () => {
    const health = await api.health.query();
    assert.deepEqual([health.status, health.version, health.defaultModel], ['ok', '9.9.9', 'fake']);
    assert.equal((await api.models.list.query())[0]?.name, 'fake');
    const submitted = await api.jobs.submit.mutate({ prompt: 'wait', idempotencyKey: newKey() });
    assert.equal((await api.jobs.list.query({})).jobs[0]?.id, submitted.id);
    assert.equal((await api.jobs.cancel.mutate({ jobId: submitted.id })).status, 'canceled');
    const file = { contentType: 'image/png', bytes: 3 } as const;
    const sha256 = createHash('sha256').update('abc').digest('hex');
    const { url, headers } = await api.uploads.create.mutate({ ...file, sha256 });
    assert.equal((await fetch(url, { method: 'PUT', headers, body: 'abc' })).status, 200);
  });

  it('is the same job when submitted again with its key, and a conflict with other input', async () => {
    const input = { prompt: 'twice', idempotencyKey: newKey() };
    const both = await Promise.all([api.jobs.submit.mutate(input), api.jobs.submit.mutate(input)]);
    assert.equal(both[0].id, both[1].id);
    const failure = await failureOf(api.jobs.submit.mutate({ ...input, prompt: 'other' }));
    assert.equal(failure.code, 'conflict');
  });

  it("shows nobody another key's jobs, on neither address", async () => {
    const { id } = await api.jobs.submit.mutate({ prompt: 'mine', idempotencyKey: newKey() });
    const other = createApiClient(stack.url, bearer(await stack.createKey()));
    assert.equal((await failureOf(other.jobs.get.query({ jobId: id }))).code, 'not_found');
    assert.equal((await failureOf(other.watchJob({ jobId: id }))).code, 'not_found');
    assert.deepEqual((await other.jobs.list.query({})).jobs, []);
  });

  it('lets nobody in without a key, with a wrong one, or with one that was revoked', async () => {
    const secret = await stack.createKey();
    const key = await stack.keys.find(secret);
    const statusOf = async (path: string, headers: Record<string, string>) =>
      (await fetch(`${stack.url}/trpc/${path}`, { headers })).status;
    assert.equal(await statusOf('health', {}), 401);
    assert.equal(await statusOf('health', bearer('sl_wrong')), 403);
    assert.equal(await statusOf('health', { authorization: secret }), 403, 'not a bearer');
    assert.equal(await statusOf('health', bearer(secret)), 200);
    assert.equal(await statusOf('jobs.watch', {}), 401);
    assert.equal(await statusOf('jobs.watch', bearer('sl_wrong')), 401);
    assert.equal(await stack.keys.revoke(key?.owner ?? ''), true);
    assert.equal(await statusOf('health', bearer(secret)), 403);
    assert.equal(await statusOf('jobs.watch', bearer(secret)), 401);
  });

  it('lets nobody in where the authorizer was forgotten', async () => {
    const handler = createApiHandler({ services: stack.services, quotaOf: () => assert.fail(), logger: silentLogger });
    const requestContext = { requestId: 'r', http: { method: 'GET' } };
    const event = { rawPath: '/trpc/health', rawQueryString: '', headers: {}, requestContext };
    assert.equal((await handler(event)).statusCode, 401);
  });

  it('refuses what is too large, is no call, or is not to be had here', async () => {
    const headers = { ...bearer(await stack.createKey()), 'content-type': 'application/json' };
    const post = async (path: string, body: string) => {
      const response = await fetch(`${stack.url}${path}`, { method: 'POST', headers, body });
      return [response.status, (await response.json()).error.data.safelight.code];
    };
    assert.deepEqual(await post('/trpc/jobs.submit', 'x'.repeat(1024 * 1024 + 1)), [413, 'payload_too_large']);
    assert.deepEqual(await post('/trpc/jobs.submit', '{'), [400, 'invalid_input']);
    assert.deepEqual(await post('/trpc/unknown', '{}'), [404, 'not_found']);
    assert.deepEqual(await post('/elsewhere', '{}'), [404, 'not_found']);
    const batch = await fetch(`${stack.url}/trpc/health,jobs.watch?batch=1&input=%7B%7D`, { headers });
    assert.equal(batch.status, 503, 'a stream would hold the answer back');
  });

  it('logs requests by id and procedure, never prompts, keys or URLs', async () => {
    const secret = await stack.createKey();
    const response = await fetch(`${stack.url}/trpc/jobs.submit`, {
      method: 'POST',
      headers: { ...bearer(secret), 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'a secret wish', idempotencyKey: newKey() }),
    });
    const requestId = response.headers.get('x-request-id') ?? '';
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const line = stack.log.find((entry) => entry.includes(`"${requestId}"`));
    assert.deepEqual(
      { ...JSON.parse(line ?? '{}'), durationMs: 0 },
      { level: 'info', event: 'request', requestId, method: 'POST', route: 'jobs.submit', status: 200, durationMs: 0 },
    );
    for (const text of ['a secret wish', 'a fox', secret, 'X-Amz', 'http']) assert.ok(!stack.log.join().includes(text));
  });
});

describe('a stream on Lambda', () => {
  it('ends before its function does, with word that watching can go on', async () => {
    const engine = createFakeEngine();
    await using stack = await startStack({ engine, remainingMs: 5100 });
    const api = createApiClient(stack.url, bearer(await stack.createKey()));
    const { id } = await api.jobs.submit.mutate({ prompt: 'long', idempotencyKey: newKey() });
    const seen: string[] = [];
    const watching = async () => {
      for await (const job of api.watchJob({ jobId: id })) seen.push(job.status);
    };
    const failure = await failureOf(watching());
    assert.deepEqual([failure.code, failure.isRetryable], ['unavailable', true]);
    assert.deepEqual(seen, ['queued']);
  });
});
