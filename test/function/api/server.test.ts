/** A server as a whole: whom it lets in, what it starts with, how it ends, and what it survives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startServer } from '../../../function/src/api/serve.ts';
import type { Engine } from '../../../function/src/engine.ts';
import { FunctionError } from '../../../function/src/errors.ts';
import { createFakeEngine } from '../jobs/fake-engine.ts';
import { createTemporaryFolder } from '../jobs/temporary-folder.ts';
import { createApiClient, failureOf } from './api-client.ts';
import { finish, newKey, rawGet, serve, watchAll } from './serve-fixture.ts';

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
