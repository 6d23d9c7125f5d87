import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createFakeEngine, fakeImageData } from '../jobs/fake-engine.ts';
import { failureOf } from './api-client.ts';
import { type Fixture, finish, newKey, rawGet, serve, watchAll } from './serve-fixture.ts';

describe('prompts', () => {
  it('are read without a model', async () => {
    await using fixture = await serve();
    const { texts } = await fixture.api.prompts.read.mutate({ prompt: 'a [cat|dog]', steps: 2 });
    assert.deepEqual(
      texts.map(({ text }) => text),
      ['a cat', 'a dog'],
    );
  });
});

describe('prompts that name embeddings', () => {
  it('are read with what the engine has', async () => {
    const vectors = [Float32Array.of(1), Float32Array.of(2)];
    const embeddings = async () => [{ name: 'night-ink', sha256: '', vectors }];
    await using fixture = await serve({ ...createFakeEngine(), embeddings });
    const { texts } = await fixture.api.prompts.read.mutate({ prompt: 'night-ink' });
    assert.deepEqual(texts[0]?.chunks, [[0, 1].map(() => ({ id: -1, text: 'night-ink', weight: 1 }))]);
  });
});

describe('a job over HTTP', () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await serve(createFakeEngine({ stepMs: 30 }));
  });
  after(() => fixture[Symbol.asyncDispose]());

  it('is submitted, watched to its end, and its picture can be fetched by URL', async () => {
    const { api } = fixture;
    const submitted = await api.jobs.submit.mutate({
      prompt: 'a fox',
      seed: 7,
      count: 2,
      idempotencyKey: newKey(),
    });
    assert.equal(submitted.status, 'queued');
    const seen = await watchAll(api, submitted.id);
    const phases = seen.map((job) => ('phase' in job ? job.phase.name : job.status));
    assert.ok(phases.includes('denoising'), `progress is visible: ${phases}`);
    const job = seen.at(-1);
    assert.ok(job?.status === 'succeeded');
    assert.equal(job.images.length, 2);
    for (const image of job.images) {
      const response = await fetch(image.url);
      const data = new Uint8Array(await response.arrayBuffer());
      assert.ok(Buffer.from(data).equals(fakeImageData(image.seed)));
      assert.equal(createHash('sha256').update(data).digest('hex'), image.sha256);
      assert.equal(response.headers.get('content-type'), 'image/png');
      assert.equal(response.headers.get('content-length'), String(image.bytes));
      assert.equal(response.headers.get('cache-control'), 'private');
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(response.headers.get('content-disposition'), 'inline');
    }
    const head = await fetch(job.images[0]?.url ?? '', { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('content-length'), '10000');
    const signed = await api.images.sign.query({ jobId: job.id, index: 1 });
    assert.equal((await fetch(signed.url)).status, 200);
    assert.ok(Date.parse(signed.expiresAt) > Date.now() + 800_000);
    assert.equal((await failureOf(api.images.sign.query({ jobId: job.id, index: 2 }))).code, 'not_found');
  });

  it('is the same job when submitted again with its key, and a conflict with other input', async () => {
    const { api } = fixture;
    const idempotencyKey = newKey();
    const input = { prompt: 'twice', idempotencyKey };
    const both = await Promise.all([api.jobs.submit.mutate(input), api.jobs.submit.mutate(input)]);
    assert.equal(both[0].id, both[1].id);
    // A default written out is the same input.
    assert.equal((await api.jobs.submit.mutate({ ...input, count: 1 })).id, both[0].id);
    const failure = await failureOf(api.jobs.submit.mutate({ ...input, prompt: 'other' }));
    assert.equal(failure.code, 'conflict');
    assert.equal(failure.isRetryable, false);
    await finish(api, both[0].id);
    assert.equal((await api.jobs.submit.mutate(input)).status, 'succeeded');
  });

  it('can be canceled while it runs and while it waits', async () => {
    const { api } = fixture;
    const running = await api.jobs.submit.mutate({ prompt: 'long', steps: 1000, idempotencyKey: newKey() });
    const waiting = await api.jobs.submit.mutate({ prompt: 'behind', idempotencyKey: newKey() });
    const behind = await api.jobs.submit.mutate({ prompt: 'last', idempotencyKey: newKey() });
    for await (const job of api.watchJob({ jobId: running.id })) {
      if (job.status === 'running') break;
    }
    const last = await api.jobs.get.query({ jobId: behind.id });
    assert.ok(last.status === 'queued');
    assert.deepEqual(last.phase, { name: 'queued', position: 1 });
    assert.equal((await api.health.query()).queued, 2);
    assert.equal((await api.jobs.cancel.mutate({ jobId: waiting.id })).status, 'canceled');
    assert.equal((await api.jobs.cancel.mutate({ jobId: running.id })).status, 'running');
    assert.equal((await finish(api, running.id)).status, 'canceled');
    assert.equal((await finish(api, behind.id)).status, 'succeeded');
    assert.equal((await api.jobs.cancel.mutate({ jobId: behind.id })).status, 'succeeded');
  });

  it('is listed newest first, page by page', async () => {
    const { api } = fixture;
    const { jobs } = await api.jobs.list.query({ limit: 100 });
    const first = await api.jobs.list.query({ limit: 2 });
    assert.ok(first.nextCursor);
    const second = await api.jobs.list.query({ limit: 2, cursor: first.nextCursor });
    const ids = [...first.jobs, ...second.jobs].map(({ id }) => id);
    assert.deepEqual(
      ids,
      jobs.slice(0, 4).map(({ id }) => id),
    );
    assert.deepEqual(ids, [...ids].sort().reverse());
  });

  it('stops watching when the client goes away', async () => {
    const { api, log } = fixture;
    const job = await api.jobs.submit.mutate({ prompt: 'left', steps: 300, idempotencyKey: newKey() });
    const controller = new AbortController();
    const watch = api.watchJob({ jobId: job.id }, { signal: controller.signal });
    const before = log.filter((line) => line.includes('jobs.watch')).length;
    await assert.rejects(async () => {
      for await (const _ of watch) controller.abort();
    });
    const isLogged = () => log.filter((line) => line.includes('jobs.watch')).length > before;
    for (let i = 0; i < 100 && !isLogged(); i++) await delay(20);
    assert.ok(isLogged(), 'the request ended on the server');
    await api.jobs.cancel.mutate({ jobId: job.id });
    await finish(api, job.id);
  });

  it('answers errors with a code, the field, a request id and the HTTP status', async () => {
    const { api, server } = fixture;
    const empty = await failureOf(api.jobs.submit.mutate({ prompt: ' ', idempotencyKey: newKey() }));
    assert.deepEqual([empty.code, empty.field], ['invalid_input', 'prompt']);
    assert.equal(empty.message, 'prompt is empty: say what to draw');
    const unknownField = { prompt: 'x', idempotencyKey: newKey(), promt: 'y' };
    const typing = await failureOf(api.jobs.submit.mutate(unknownField));
    assert.deepEqual([typing.code, typing.field, typing.message], ['invalid_input', 'promt', 'unknown field: promt']);
    const model = await failureOf(api.jobs.submit.mutate({ prompt: 'x', model: 'none', idempotencyKey: newKey() }));
    assert.deepEqual([model.code, model.field], ['model_not_found', 'model']);
    const nowhere = { jobId: '0'.repeat(26) };
    assert.equal((await failureOf(api.jobs.get.query(nowhere))).code, 'not_found');
    assert.equal((await failureOf(api.watchJob(nowhere))).code, 'not_found');
    assert.equal((await failureOf(api.models.get.query({ model: 'none' }))).code, 'model_not_found');

    const statusOf = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${server.url}${path}`, init);
      const body = (await response.json()) as {
        error: { data: { safelight: { code: string; requestId: string } } };
      };
      const { safelight } = body.error.data;
      if (safelight.requestId !== 'unknown') assert.equal(response.headers.get('x-request-id'), safelight.requestId);
      return [response.status, safelight.code];
    };
    const get = `/trpc/jobs.get?input=${encodeURIComponent(JSON.stringify(nowhere))}`;
    assert.deepEqual(await statusOf(get), [404, 'not_found']);
    assert.deepEqual(await statusOf('/trpc/jobs.nothing'), [404, 'not_found']);
    assert.deepEqual(await statusOf('/elsewhere'), [404, 'not_found']);
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
    assert.deepEqual(await statusOf('/trpc/jobs.submit', { ...post, body: '{"prompt":"a secret' }), [
      400,
      'invalid_input',
    ]);
    assert.deepEqual(await statusOf('/trpc/jobs.submit', { ...post, body: '{}' }), [400, 'invalid_input']);
    assert.deepEqual(await statusOf('/trpc/jobs.submit'), [400, 'invalid_input']);
    assert.deepEqual(await statusOf('/trpc/jobs.submit', { method: 'POST', body: 'text' }), [400, 'invalid_input']);
    assert.deepEqual(await statusOf('/trpc/%E0%A4%A'), [400, 'invalid_input']);
  });

  it('refuses a body over 1 MiB, announced or not', async () => {
    const { server } = fixture;
    const body = JSON.stringify({ prompt: 'x'.repeat(3 * 1024 * 1024), idempotencyKey: newKey() });
    const headers = { 'content-type': 'application/json' };
    const announced = await fetch(`${server.url}/trpc/jobs.submit`, { method: 'POST', headers, body });
    assert.equal(announced.status, 413);
    const stream = new Blob([body]).stream();
    const init = { method: 'POST', headers, body: stream, duplex: 'half' };
    const streamed = await fetch(`${server.url}/trpc/jobs.submit`, init as RequestInit);
    assert.equal(streamed.status, 413);
    const data = (await streamed.json()) as { error: { data: { safelight: { code: string } } } };
    assert.equal(data.error.data.safelight.code, 'payload_too_large');
  });

  it('refuses object URLs that were changed, and keys that leave the folder', async () => {
    const { api, server } = fixture;
    const { id } = await api.jobs.submit.mutate({ prompt: 'url', idempotencyKey: newKey() });
    const job = await finish(api, id);
    assert.ok(job.status === 'succeeded');
    const url = new URL(job.images[0]?.url ?? '');
    const other = new URL(url);
    other.searchParams.set('expires', String(Number(url.searchParams.get('expires')) + 1));
    assert.equal((await fetch(other)).status, 403);
    const moved = new URL(url);
    moved.pathname = url.pathname.replace('0.png', '1.png');
    assert.equal((await fetch(moved)).status, 403);
    assert.equal((await fetch(url.origin + url.pathname)).status, 403);
    assert.equal((await rawGet(`${server.url}/objects/..%2f..%2fjobs.db${url.search}`, {})).status, 403);
    const posted = await fetch(url, { method: 'POST' });
    assert.equal(posted.status, 400);
  });

  it("answers only to this machine's names without an API key", async () => {
    const { server } = fixture;
    const health = `${server.url}/trpc/health`;
    assert.equal((await rawGet(health, { host: `localhost:${server.port}` })).status, 200);
    assert.equal((await rawGet(health, { host: `[::1]:${server.port}` })).status, 200);
    const rebound = await rawGet(health, { host: `evil.example:${server.port}` });
    assert.equal(rebound.status, 403);
    assert.match(rebound.body, /"code":"forbidden"/);
    assert.equal((await rawGet(health, { host: '127.0.0.1.evil.example' })).status, 403);
    assert.equal((await rawGet(health, { origin: 'https://evil.example' })).status, 403);
    assert.equal((await rawGet(health, { origin: server.url })).status, 200);
    assert.equal((await rawGet(health, {})).headers['access-control-allow-origin'], undefined);
  });

  it('logs requests and jobs without prompts, keys or URLs', async () => {
    const { api, log } = fixture;
    const { id } = await api.jobs.submit.mutate({
      prompt: 'a most private prompt',
      idempotencyKey: newKey(),
    });
    const job = await finish(api, id);
    assert.ok(job.status === 'succeeded');
    await fetch(job.images[0]?.url ?? '');
    await delay(20);
    const lines = log.join('\n');
    assert.match(lines, /"event":"request".*"route":"jobs.submit","status":200/);
    assert.match(lines, /"event":"job_succeeded"/);
    assert.match(lines, /"route":"objects"/);
    assert.doesNotMatch(lines, /private prompt|key-number|signature|http:/);
  });
});
