import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createSafelight } from '@safelight/sdk';
import type { Job } from '@safelight/sdk/contract';
import { createClient } from '../../sdk/src/client.ts';
import { createFastClock } from './support/fake-clock.ts';
import {
  canceledJob,
  denoisingJob,
  IMAGE_DATA,
  JOB_ID,
  jobImage,
  label,
  queuedJob,
  succeededJob,
} from './support/jobs.ts';
import { refuse, startTestServer } from './support/test-server.ts';

const input = { prompt: 'a red circle' };

async function* states(...jobs: Job[]): AsyncGenerator<Job> {
  for (const job of jobs) {
    await delay(2);
    yield job;
  }
}

describe('against a real tRPC server', () => {
  it('generates, reports progress and downloads the picture', async () => {
    await using server = await startTestServer({
      watch: () => states(queuedJob(), denoisingJob(1), denoisingJob(2), succeededJob(jobImage('/files/0'))),
      intercept: (request, response) => {
        if (request.url !== '/files/0') return false;
        response.end(IMAGE_DATA);
        return true;
      },
    });
    const client = createSafelight({ endpoint: server.endpoint, apiKey: 'sk-1' });
    const seen: string[] = [];
    const { images } = await client.generate(input, { onProgress: (job) => void seen.push(label(job)) });
    assert.deepEqual(seen, ['queued', 'denoising 1', 'denoising 2']);
    for (const image of images) {
      assert.deepEqual(new Uint8Array(await client.images.arrayBuffer(image)), IMAGE_DATA);
    }
    assert.deepEqual(server.calls, ['jobs.submit', 'jobs.watch']);
  });

  it('gets updates while the stream is still open', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using server = await startTestServer({
      watch: async function* () {
        yield denoisingJob(1);
        await gate;
        yield succeededJob();
      },
    });
    const handle = await createSafelight({ endpoint: server.endpoint }).submit(input);
    for await (const job of handle) if (job.status === 'running') release();
    assert.equal(handle.job.status, 'succeeded');
  });

  it('submits once for a connection that is cut before the answer', async () => {
    const jobs = new Map<string, Job>();
    let requests = 0;
    await using server = await startTestServer({
      submit: ({ idempotencyKey }) => {
        jobs.set(idempotencyKey, queuedJob());
        return queuedJob();
      },
      intercept: (request, response) => {
        if (requests++ > 0) return false;
        // The server does the work, but its answer never arrives.
        response.end = () => response.destroy();
        assert.equal(request.method, 'POST');
        return false;
      },
    });
    const client = createClient({ endpoint: server.endpoint }, createFastClock());
    await client.submit(input);
    assert.equal(requests, 2);
    assert.equal(jobs.size, 1);
  });

  it('falls back to polls when the stream is cut, and comes back to it', async () => {
    let watches = 0;
    const cutOff: (() => void)[] = [];
    await using server = await startTestServer({
      watch: async function* () {
        if (watches++ > 0) return yield* states(denoisingJob(2), denoisingJob(3), succeededJob());
        yield* states(queuedJob(), denoisingJob(1));
        await delay(20);
        for (const cut of cutOff) cut();
        await delay(60_000, undefined, { ref: false });
      },
      get: () => denoisingJob(2),
      intercept: (request, response) => {
        if (request.url?.includes('jobs.watch') === true) cutOff.push(() => response.destroy());
        return false;
      },
    });
    const client = createClient({ endpoint: server.endpoint }, createFastClock());
    const seen: string[] = [];
    await client.generate(input, { onProgress: (job) => void seen.push(label(job)) });
    assert.deepEqual(seen, ['queued', 'denoising 1', 'denoising 2', 'denoising 3']);
    assert.deepEqual(server.calls, ['jobs.submit', 'jobs.watch', 'jobs.get', 'jobs.watch']);
  });
});

describe('against a real tRPC server in trouble', () => {
  it('survives an error of the server in the middle of the stream', async () => {
    await using server = await startTestServer({
      watch: async function* () {
        yield denoisingJob(1);
        throw refuse('INTERNAL_SERVER_ERROR', { code: 'internal' });
      },
      get: () => succeededJob(),
    });
    const client = createClient({ endpoint: server.endpoint }, createFastClock());
    assert.equal((await client.generate(input)).seed, 42);
  });

  it('tells the server to stop streaming when the caller aborts, and cancels', async () => {
    let hasStopped: () => void = () => undefined;
    const stopped = new Promise<void>((resolve) => {
      hasStopped = resolve;
    });
    await using server = await startTestServer({
      watch: async function* (signal) {
        signal?.addEventListener('abort', () => hasStopped());
        yield denoisingJob(1);
        await delay(60_000, undefined, { ref: false });
      },
      cancel: () => canceledJob(),
    });
    const controller = new AbortController();
    const generated = createSafelight({ endpoint: server.endpoint }).generate(input, {
      signal: controller.signal,
      onProgress: (job) => {
        if (job.status === 'running') controller.abort(new Error('enough'));
      },
    });
    await assert.rejects(generated, { message: 'enough' });
    assert.deepEqual(server.calls, ['jobs.submit', 'jobs.watch', 'jobs.cancel']);
    await stopped;
  });

  it('reads errors with their data', async () => {
    await using server = await startTestServer({
      submit: () => {
        throw refuse('CONFLICT', { code: 'conflict', field: 'idempotencyKey' });
      },
    });
    await assert.rejects(createSafelight({ endpoint: server.endpoint }).submit(input), {
      name: 'ConflictError',
      status: 409,
      field: 'idempotencyKey',
      requestId: 'req-7',
      isRetryable: false,
    });
  });

  it('takes an answer that is cut half-way for a broken connection, and asks again', async () => {
    let requests = 0;
    await using server = await startTestServer({
      intercept: (_, response) => {
        if (requests++ > 0) return false;
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"result":{"data":');
        setTimeout(() => response.destroy(), 10);
        return true;
      },
    });
    const client = createClient({ endpoint: server.endpoint }, createFastClock());
    assert.equal((await client.get(JOB_ID)).id, JOB_ID);
    assert.equal(requests, 2);
  });

  it('reports an endpoint where nobody listens', async () => {
    const server = await startTestServer();
    await server[Symbol.asyncDispose]();
    const client = createSafelight({ endpoint: server.endpoint, maxRetries: 0 });
    await assert.rejects(client.get(JOB_ID), { name: 'ConnectionError', code: 'connection_failed', isRetryable: true });
  });

  it('works with a server that lacks the stream', async () => {
    let polls = 0;
    await using server = await startTestServer({
      get: () => (polls++ < 3 ? denoisingJob(polls) : succeededJob()),
      intercept: (request, response) => {
        if (request.url?.includes('jobs.watch') !== true) return false;
        response.writeHead(404).end('{"message":"Not Found"}');
        return true;
      },
    });
    const client = createClient({ endpoint: server.endpoint }, createFastClock());
    const seen: string[] = [];
    await client.generate(input, { onProgress: (job) => void seen.push(label(job)) });
    assert.deepEqual(seen, ['queued', 'denoising 1', 'denoising 2', 'denoising 3']);
  });
});
