import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startServer } from '../../../function/src/api/serve.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import { createFakeEngine, fakeImageData } from '../jobs/fake-engine.ts';
import { createTemporaryFolder } from '../jobs/temporary-folder.ts';
import { createApiClient, failureOf } from './api-client.ts';
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

describe('a server with API keys', () => {
  const keys = ['0123456789abcdef-first', '0123456789abcdef-second'];

  it('lets in only who has one, and shows each his own jobs', async () => {
    await using fixture = await serve(createFakeEngine(), { apiKeys: keys, host: '0.0.0.0' });
    const { url } = fixture.server;
    assert.equal((await failureOf(fixture.api.health.query())).code, 'unauthorized');
    assert.equal((await failureOf(fixture.api.watchJob({ jobId: '0'.repeat(26) }))).code, 'unauthorized');
    const wrong = createApiClient(url, { authorization: 'Bearer 0123456789abcdef-other' });
    assert.equal((await failureOf(wrong.health.query())).code, 'unauthorized');
    const [first, second] = keys.map((key) => createApiClient(url, { authorization: `Bearer ${key}` }));
    assert.ok(first && second);
    const idempotencyKey = newKey();
    const job = await first.jobs.submit.mutate({ prompt: 'mine', idempotencyKey });
    const jobId = job.id;
    assert.equal((await failureOf(second.jobs.get.query({ jobId }))).code, 'not_found');
    assert.equal((await failureOf(second.jobs.cancel.mutate({ jobId }))).code, 'not_found');
    assert.equal((await failureOf(second.watchJob({ jobId }))).code, 'not_found');
    assert.equal((await failureOf(second.images.sign.query({ jobId, index: 0 }))).code, 'not_found');
    assert.deepEqual((await second.jobs.list.query({})).jobs, []);
    assert.notEqual((await second.jobs.submit.mutate({ prompt: 'other', idempotencyKey })).id, jobId);
    const done = await finish(first, jobId);
    assert.ok(done.status === 'succeeded');
    assert.equal((await fetch(done.images[0]?.url ?? '')).status, 200, 'the signature suffices');
  });

  it('is required on addresses that others reach', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com'])
      await assert.rejects(serve(createFakeEngine(), { host }), {
        code: 'invalid_input',
        message: /SAFELIGHT_API_KEY/,
      });
    await assert.rejects(serve(createFakeEngine(), { apiKeys: ['short'] }), { code: 'invalid_input' });
  });

  it('answers browsers of allowed origins only', async () => {
    await using fixture = await serve(createFakeEngine(), {
      apiKeys: keys,
      corsOrigins: ['https://app.example'],
    });
    const url = `${fixture.server.url}/trpc/jobs.submit`;
    const allowed = await rawGet(url, { origin: 'https://app.example' }, 'OPTIONS');
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers['access-control-allow-origin'], 'https://app.example');
    assert.match(String(allowed.headers['access-control-allow-methods']), /PUT/);
    const read = await rawGet(`${fixture.server.url}/trpc/health`, {
      origin: 'https://app.example',
      authorization: `Bearer ${keys[0]}`,
    });
    // What the SDK reads in a browser: other headers are hidden from it.
    assert.equal(read.headers['access-control-expose-headers'], 'x-request-id, x-should-retry, retry-after, date');
    assert.equal(read.headers['cache-control'], 'no-store');
    const refused = await rawGet(url, { origin: 'https://evil.example' }, 'OPTIONS');
    assert.notEqual(refused.status, 204);
    assert.equal(refused.headers['access-control-allow-origin'], undefined);
  });
});

describe('a server', () => {
  it('says which port is in use', async () => {
    await using fixture = await serve();
    const { port } = fixture.server;
    await assert.rejects(serve(createFakeEngine(), { port }), {
      code: 'unavailable',
      message: new RegExp(`Port ${port}.*--port`),
    });
  });

  it('says that a data folder cannot be used', async () => {
    await using folder = await createTemporaryFolder();
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    const engine = createFakeEngine();
    const unusable = { code: 'unavailable', message: /data folder/ };
    await assert.rejects(startServer({ engine, dataDir: file, port: 0 }), unusable);
    await writeFile(join(folder.path, 'jobs.db'), 'not a database, but long enough to be read as one'.repeat(100));
    await assert.rejects(startServer({ engine, dataDir: folder.path, port: 0 }), unusable);
  });

  it('tells callers nothing about surprises, and the log everything but the prompt', async () => {
    const engine = createFakeEngine({
      onGenerate: ({ prompt }) => {
        throw new Error(`kaboom at /srv/secret while drawing ${prompt}`);
      },
    });
    await using fixture = await serve(engine);
    const { id } = await fixture.api.jobs.submit.mutate({ prompt: 'hush hush', idempotencyKey: newKey() });
    const job = await finish(fixture.api, id);
    assert.ok(job.status === 'failed');
    assert.equal(job.error.code, 'internal');
    assert.doesNotMatch(JSON.stringify(job.error), /kaboom|secret|hush/);
    assert.match(fixture.log.join('\n'), /kaboom/);
    assert.doesNotMatch(fixture.log.join('\n'), /hush/);
    const broken: Engine = {
      ...createFakeEngine(),
      resolve: () => {
        throw new TypeError('surprise hush hush');
      },
    };
    await using other = await serve(broken);
    const failure = await failureOf(other.api.jobs.submit.mutate({ prompt: 'hush hush', idempotencyKey: newKey() }));
    assert.equal(failure.code, 'internal');
    assert.doesNotMatch(failure.message, /surprise|hush/);
    assert.match(other.log.join('\n'), /surprise/);
    assert.doesNotMatch(other.log.join('\n'), /hush/);
  });

  it('refuses more jobs than may wait, but not a repeated call', async () => {
    await using fixture = await serve(createFakeEngine({ stepMs: 50 }), { maxQueued: 2 });
    const input = { prompt: 'one', idempotencyKey: newKey(), steps: 1000 };
    const first = await fixture.api.jobs.submit.mutate(input);
    for await (const job of fixture.api.watchJob({ jobId: first.id })) if (job.status === 'running') break;
    const last = { prompt: 'three', idempotencyKey: newKey() };
    await fixture.api.jobs.submit.mutate({ prompt: 'two', idempotencyKey: newKey() });
    const third = await fixture.api.jobs.submit.mutate(last);
    const failure = await failureOf(fixture.api.jobs.submit.mutate({ prompt: 'four', idempotencyKey: newKey() }));
    assert.equal(failure.code, 'rate_limited');
    assert.equal(failure.isRetryable, true);
    assert.ok(failure.retryAfterSeconds);
    assert.equal((await fixture.api.jobs.submit.mutate(last)).id, third.id);
  });

  it('closes with watchers and a running job: the stream ends with `unavailable`, the job goes on later', async () => {
    const folder = await createTemporaryFolder();
    await using _ = folder;
    const engine = createFakeEngine({ stepMs: 20 });
    const server = await startServer({ engine, dataDir: folder.path, port: 0 });
    const api = createApiClient(server.url);
    const { id } = await api.jobs.submit.mutate({ prompt: 'x', steps: 50, idempotencyKey: newKey() });
    const started = Date.now();
    const failure = await failureOf(
      (async () => {
        for await (const job of api.watchJob({ jobId: id })) if (job.status === 'running') void server.close();
      })(),
    );
    assert.equal(failure.code, 'unavailable');
    assert.equal(failure.isRetryable, true);
    await server.close();
    assert.ok(Date.now() - started < 2500, 'no grace period was waited out');
    const next = await startServer({ engine: createFakeEngine(), dataDir: folder.path, port: 0 });
    const job = await finish(createApiClient(next.url), id);
    await next.close();
    assert.equal(job.status, 'succeeded');
    assert.equal(job.attempt, 2);
  });

  it("wakes watchers of another process's server by polling", async () => {
    const folder = await createTemporaryFolder();
    await using _ = folder;
    const slow = await startServer({
      engine: createFakeEngine({ stepMs: 30 }),
      dataDir: folder.path,
      port: 0,
    });
    const { id } = await createApiClient(slow.url).jobs.submit.mutate({
      prompt: 'x',
      steps: 30,
      idempotencyKey: newKey(),
    });
    const other = await startServer({ engine: createFakeEngine(), dataDir: folder.path, port: 0 });
    const seen = await watchAll(createApiClient(other.url), id);
    assert.equal(seen.at(-1)?.status, 'succeeded');
    await Promise.all([slow.close(), other.close()]);
  });

  it('serves many watchers at once without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    await using fixture = await serve(createFakeEngine({ stepMs: 20 }));
    const { id } = await fixture.api.jobs.submit.mutate({ prompt: 'x', steps: 10, idempotencyKey: newKey() });
    const seen = await Promise.all(Array.from({ length: 30 }, () => finish(fixture.api, id)));
    assert.ok(seen.every(({ status }) => status === 'succeeded'));
    process.off('warning', onWarning);
    assert.deepEqual(warnings, []);
  });

  it('survives rubbish on the wire', async () => {
    await using fixture = await serve();
    const { port } = fixture.server;
    for (const rubbish of [
      '\0\0\0\r\n\r\n',
      'GET // HTTP/1.1\r\nHost: a b\r\n\r\n',
      'GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n',
    ]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(rubbish);
      socket.resume();
      await once(socket, 'close');
    }
    assert.equal((await fixture.api.health.query()).status, 'ok');
  });

  it('maps every FunctionError that an engine throws on submit', async () => {
    const engine: Engine = {
      ...createFakeEngine(),
      resolve: () => {
        throw new FunctionError('storage_full', 'full', { isRetryable: true });
      },
    };
    await using fixture = await serve(engine);
    const body = JSON.stringify({ prompt: 'x', idempotencyKey: newKey() });
    const response = await fetch(`${fixture.server.url}/trpc/jobs.submit`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body },
    });
    assert.equal(response.status, 507);
  });
});
