import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createSafelight } from '@safelight/sdk';
import { toNodeHandler } from '@safelight/sdk/node';
import { createSafelightProxy, type SafelightProxyOptions } from '@safelight/sdk/proxy';
import { Hono } from 'hono';
import { createFakeFetch, success } from './support/fake-fetch.ts';
import { API_KEY, denoisingJob, JOB_ID, queuedJob, succeededJob } from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';
import { startTestServer } from './support/test-server.ts';

const SITE = 'https://site.example';
const jobInput = encodeURIComponent(JSON.stringify({ jobId: JOB_ID }));

function setUp(options: Partial<SafelightProxyOptions> = {}, answer = () => success(queuedJob())) {
  const { fetch, requests } = createFakeFetch(answer);
  const proxy = createSafelightProxy({
    ...{ endpoint: 'https://api.example/v1', apiKey: API_KEY, authorize: () => true, fetch },
    ...options,
  });
  const get = (path: string, headers: Record<string, string> = {}) =>
    proxy(new Request(`${SITE}/api/trpc/${path}`, { headers }));
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    proxy(
      new Request(`${SITE}/api/trpc/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    );
  return { proxy, get, post, requests };
}

const codeOf = async (response: Response) =>
  ((await response.json()) as { error: { data: { safelight: { code: string } } } }).error.data.safelight.code;

describe('the proxy', () => {
  it('adds the key, and passes on the input and nothing else', async () => {
    const { get, post, requests } = setUp();
    const response = await get(`jobs.get?input=${jobInput}&batch=1&other=x`, {
      cookie: 'session=secret',
      authorization: 'Bearer of-the-visitor',
      'x-forwarded-for': '1.2.3.4',
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(requests[0]?.url, `https://api.example/v1/trpc/jobs.get?input=${jobInput}`);
    assert.deepEqual([...(requests[0]?.headers ?? [])], [['authorization', `Bearer ${API_KEY}`]]);
    await post('jobs.submit', { prompt: 'x', idempotencyKey: 'key-12345' }, { cookie: 'session=secret' });
    assert.deepEqual(requests[1]?.body, { prompt: 'x', idempotencyKey: 'key-12345' });
    assert.deepEqual([...(requests[1]?.headers.keys() ?? [])], ['authorization', 'content-type']);
  });

  it('lets through what a page needs, and no list of all jobs, no usage, no two at once', async () => {
    const { get, requests } = setUp();
    for (const path of [
      'jobs.list',
      'usage.get',
      'uploads.create',
      'health',
      'jobs.get,jobs.list',
      '',
      '../admin',
      'JOBS.GET',
    ]) {
      const response = await get(path);
      assert.equal(response.status, 404, path);
    }
    const outside = await setUp().proxy(new Request(`${SITE}/somewhere`));
    assert.equal(await codeOf(outside), 'not_found');
    assert.equal(requests.length, 0);
    const { get: getHealth } = setUp({ procedures: ['health'] });
    assert.equal((await getHealth('health')).status, 200);
  });

  it('asks who is calling, and takes no for an answer', async () => {
    const no = setUp({ authorize: () => false });
    assert.equal(await codeOf(await no.get('models.list')), 'forbidden');
    const own = setUp({ authorize: async () => new Response('log in', { status: 401 }) });
    const response = await own.get('models.list');
    assert.equal(response.status, 401);
    assert.equal(await response.text(), 'log in');
    assert.equal(no.requests.length + own.requests.length, 0);
  });

  it('refuses pages of other origins', async () => {
    const { get, requests } = setUp({ allowedOrigins: ['https://app.example'] });
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      assert.equal((await get('models.list', headers as Record<string, string>)).status, 403);
    }
    assert.equal(requests.length, 0);
    for (const origin of [SITE, 'https://app.example'])
      assert.equal((await get('models.list', { origin })).status, 200);
  });

  it('refuses webhooks, forms, large bodies and input that breaks the contract', async () => {
    const { post, requests } = setUp();
    const input = { prompt: 'x', idempotencyKey: 'key-12345' };
    assert.equal((await post('jobs.submit', { ...input, webhook: { url: 'https://evil.example' } })).status, 403);
    assert.equal((await post('jobs.submit', input, { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await post('jobs.submit', 'x'.repeat(300_000))).status, 413);
    assert.equal((await post('jobs.submit', 'no json')).status, 400);
    assert.equal((await post('jobs.submit', { ...input, steps: 0 })).status, 400);
    assert.equal(requests.length, 0);
  });

  it('says that the server is away, without saying where it is', async () => {
    const { get } = setUp({
      fetch: () => Promise.reject(new TypeError(`connect ECONNREFUSED api.example ${API_KEY}`)),
    });
    const response = await get('models.list');
    assert.equal(response.status, 502);
    assert.doesNotMatch(await response.text(), /api\.example|secret/);
  });

  it('hides the headers of the server, but for those that the client reads', async () => {
    const { get } = setUp({}, () =>
      success([], { 'x-request-id': 'r1', 'set-cookie': 'a=b', server: 'internal/1', 'retry-after': '3' }),
    );
    const { headers } = await get('models.list');
    assert.deepEqual([...headers.keys()].sort(), ['cache-control', 'content-type', 'retry-after', 'x-request-id']);
  });
});

describe('the client behind a proxy', () => {
  const throughProxy = async (
    use: (endpoint: string, server: Awaited<ReturnType<typeof startTestServer>>) => Promise<void>,
    mount: 'hono' | 'node',
  ) => {
    await using server = await startTestServer({
      watch: async function* () {
        yield denoisingJob(1);
        yield succeededJob();
      },
    });
    const proxy = createSafelightProxy({ endpoint: server.endpoint, apiKey: API_KEY, authorize: () => true });
    const app = new Hono().all('/api/safelight/*', (context) => proxy(context.req.raw));
    const handler = toNodeHandler(mount === 'hono' ? async (request) => app.fetch(request) : proxy);
    const site = createServer((request, response) => void handler(request, response)).listen(0, '127.0.0.1');
    await once(site, 'listening');
    try {
      await use(`http://127.0.0.1:${(site.address() as AddressInfo).port}/api/safelight`, server);
    } finally {
      site.closeAllConnections();
      site.close();
    }
  };

  for (const mount of ['hono', 'node'] as const) {
    it(`generates, streams included (${mount})`, () =>
      throughProxy(async (endpoint, server) => {
        const seen: string[] = [];
        const { seed } = await createSafelight({ endpoint }).generate(
          { prompt: 'x' },
          { onProgress: ({ phase }) => void seen.push(phase.name) },
        );
        assert.equal(seed, 42);
        assert.deepEqual(seen, ['queued', 'denoising']);
        assert.deepEqual(server.calls, ['jobs.submit', 'jobs.watch']);
      }, mount));
  }

  it('gets typed errors from the proxy itself', () =>
    throughProxy(async (endpoint) => {
      const error = await reasonOf(createSafelight({ endpoint }).list());
      assert.equal((error as { name: string }).name, 'NotFoundError');
    }, 'node'));
});
