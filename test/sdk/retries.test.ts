import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConnectionError, NotFoundError, RateLimitError, SafelightError, TimeoutError } from '@safelight/sdk';
import { createClient } from '../../sdk/src/client.ts';
import { createFakeClock } from './support/fake-clock.ts';
import { createFakeFetch, failure, hang, success } from './support/fake-fetch.ts';
import { JOB_ID, queuedJob } from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';

const endpoint = 'https://api.example';
const unavailable = (headers: Record<string, string> = {}) =>
  failure(503, { code: 'unavailable', isRetryable: true }, headers);

/** Answers with each response in turn, then with the job. */
function setUp(responses: readonly (() => Response | Promise<Response>)[], options: object = {}, random = 1) {
  const clock = createFakeClock({ random });
  const { fetch, requests } = createFakeFetch((_, index) => responses[index]?.() ?? success(queuedJob()));
  const times: number[] = [];
  const timedFetch = (...parameters: Parameters<typeof globalThis.fetch>) => {
    times.push(clock.now());
    return fetch(...parameters);
  };
  const client = createClient({ endpoint, fetch: timedFetch, ...options }, clock);
  const pauses = () => times.slice(1).map((time, index) => time - (times[index] ?? 0));
  return { client, clock, requests, pauses };
}

describe('retries', () => {
  it('keep the same idempotency key over every retry of a submit', async () => {
    const { client, clock, requests } = setUp([
      () => unavailable(),
      () => Promise.reject(new TypeError('fetch failed')),
      () => new Response('bad gateway', { status: 502 }),
    ]);
    const submitted = client.submit({ prompt: 'a circle' });
    await clock.runUntilSettled(submitted);
    const keys = requests.map((request) => (request.body as { idempotencyKey: string }).idempotencyKey);
    assert.equal((await submitted).id, JOB_ID);
    assert.equal(keys.length, 4);
    assert.equal(new Set(keys).size, 1);
    assert.match(keys[0] ?? '', /^[0-9a-f]{32}$/);
  });

  it('use another key for another call', async () => {
    const { client, requests } = setUp([]);
    await client.submit({ prompt: 'a circle' });
    await client.submit({ prompt: 'a circle' });
    const keys = requests.map((request) => (request.body as { idempotencyKey: string }).idempotencyKey);
    assert.equal(new Set(keys).size, 2);
  });

  it('pause for growing times, up to a limit', async () => {
    const { client, clock, pauses } = setUp(
      Array.from({ length: 6 }, () => () => unavailable()),
      { maxRetries: 6 },
    );
    await clock.runUntilSettled(client.get(JOB_ID));
    assert.deepEqual(pauses(), [500, 1000, 2000, 4000, 8000, 8000]);
  });

  it('spread the pauses at random from nothing to the full time', async () => {
    const { client, clock, pauses } = setUp([() => unavailable(), () => unavailable()], {}, 0.25);
    await clock.runUntilSettled(client.get(JOB_ID));
    assert.deepEqual(pauses(), [125, 250]);
  });

  it('really sleep: nothing is sent before the pause is over', async () => {
    const { client, clock, requests } = setUp([() => unavailable()]);
    const got = client.get(JOB_ID);
    await clock.advance(499);
    assert.equal(requests.length, 1);
    await clock.advance(1);
    assert.equal(requests.length, 2);
    await got;
    assert.equal(clock.pendingTimers(), 0);
  });
});

describe('Retry-After', () => {
  it('of 0 retries at once', async () => {
    const { client, clock, pauses } = setUp([() => unavailable({ 'retry-after': '0' })]);
    await clock.runUntilSettled(client.get(JOB_ID));
    assert.deepEqual(pauses(), [0]);
  });

  it('in seconds is respected', async () => {
    const { client, clock, pauses } = setUp([() => failure(429, undefined, { 'retry-after': '7' })]);
    await clock.runUntilSettled(client.get(JOB_ID));
    assert.deepEqual(pauses(), [7000]);
  });

  it('as a date is respected, by the clock of the server', async () => {
    const { client, clock, pauses } = setUp([
      () => unavailable({ 'retry-after': 'Thu, 01 Jan 2026 00:00:12 GMT' }),
      () => unavailable({ 'retry-after': 'Sat, 01 Aug 2026 10:00:03 GMT', date: 'Sat, 01 Aug 2026 10:00:00 GMT' }),
      () => unavailable({ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }),
      () => unavailable({ 'retry-after': 'soon' }),
    ]);
    await clock.runUntilSettled(client.get(JOB_ID));
    assert.deepEqual(pauses(), [12_000, 3000, 0, 4000]);
  });

  it('is read from the body where the header is hidden from browsers', async () => {
    const { client, clock, pauses } = setUp([
      () => failure(429, { code: 'rate_limited', isRetryable: true, retryAfterSeconds: 3 }),
    ]);
    await clock.runUntilSettled(client.get(JOB_ID));
    assert.deepEqual(pauses(), [3000]);
  });

  it('of more than a minute is not waited for', async () => {
    const { client, requests } = setUp([() => failure(429, undefined, { 'retry-after': '3600' })]);
    const error = await reasonOf(client.get(JOB_ID));
    assert.ok(RateLimitError.isInstance(error));
    assert.equal(error.retryAfterMs, 3_600_000);
    assert.equal(requests.length, 1);
  });
});

describe('which failures are retried', () => {
  it('up to maxRetries times, then the last error is thrown', async () => {
    const { client, clock, requests } = setUp(
      Array.from({ length: 9 }, () => () => unavailable()),
      { maxRetries: 2 },
    );
    const got = client.get(JOB_ID);
    await clock.runUntilSettled(got);
    await assert.rejects(got, { name: 'ServerError', code: 'unavailable', status: 503, requestId: 'req-1' });
    assert.equal(requests.length, 3);
  });

  it('none with maxRetries: 0', async () => {
    const { client, requests } = setUp([() => unavailable()], { maxRetries: 0 });
    await assert.rejects(client.get(JOB_ID), { code: 'unavailable' });
    assert.equal(requests.length, 1);
  });

  for (const status of [400, 401, 403, 404, 405, 409, 413, 422]) {
    it(`not ${status}`, async () => {
      const { client, requests } = setUp([() => failure(status)]);
      await assert.rejects(client.get(JOB_ID), (error) => SafelightError.isInstance(error) && !error.isRetryable);
      assert.equal(requests.length, 1);
    });
  }

  for (const status of [408, 425, 429, 500, 502, 503, 504]) {
    it(`${status}`, async () => {
      const { client, clock, requests } = setUp([() => new Response('<html>', { status })]);
      await clock.runUntilSettled(client.get(JOB_ID));
      assert.equal(requests.length, 2);
    });
  }

  it("those that the server's own word allows, whatever the status", async () => {
    const { client, requests } = setUp([() => failure(500, { code: 'model_corrupt', isRetryable: false })]);
    await assert.rejects(client.get(JOB_ID), { code: 'model_corrupt', isRetryable: false });
    assert.equal(requests.length, 1);
  });

  it('a request that timed out', async () => {
    const clock = createFakeClock();
    const { fetch, requests } = createFakeFetch((request, index) =>
      index === 0 ? hang(request) : success(queuedJob()),
    );
    const client = createClient({ endpoint, fetch, requestTimeoutMs: 2000 }, clock);
    const took = await clock.runUntilSettled(client.get(JOB_ID));
    assert.equal(took, 2500);
    assert.equal(requests[0]?.signal?.aborted, true);
    assert.equal(requests.length, 2);
  });
});

describe('a call that goes on for too long', () => {
  it('times out also where fetch ignores its signal', async () => {
    const clock = createFakeClock();
    const { fetch } = createFakeFetch(() => new Promise(() => undefined));
    const client = createClient({ endpoint, fetch, requestTimeoutMs: 2000, maxRetries: 0 }, clock);
    const got = client.get(JOB_ID);
    await clock.runUntilSettled(got);
    await assert.rejects(got, { name: 'TimeoutError', code: 'request_timeout', isRetryable: true });
  });

  it('ends with its deadline, in the middle of a request', async () => {
    const clock = createFakeClock();
    const { fetch } = createFakeFetch(hang);
    const client = createClient({ endpoint, fetch, requestTimeoutMs: 2000 }, clock);
    const got = client.get(JOB_ID, { deadlineMs: 3000 });
    assert.equal(await clock.runUntilSettled(got), 3000);
    const error = await reasonOf(got);
    assert.ok(TimeoutError.isInstance(error));
    assert.deepEqual([error.code, error.jobId, error.isRetryable], ['deadline_exceeded', JOB_ID, false]);
    assert.equal(clock.pendingTimers(), 0);
  });

  it('does not start a pause that would outlast the deadline', async () => {
    const { client, clock } = setUp([() => unavailable({ 'retry-after': '10' })]);
    const got = client.get(JOB_ID, { deadlineMs: 5000 });
    assert.equal(await clock.runUntilSettled(got), 0);
    await assert.rejects(got, { code: 'unavailable' });
  });

  it('rejects with the reason of an abort in the middle of a pause, and is not retried', async () => {
    const { client, clock, requests } = setUp([() => unavailable()]);
    const controller = new AbortController();
    const got = client.get(JOB_ID, { signal: controller.signal });
    got.catch(() => undefined);
    await clock.advance(100);
    controller.abort(new Error('changed my mind'));
    await assert.rejects(got, { message: 'changed my mind' });
    assert.equal(requests.length, 1);
    assert.equal(clock.pendingTimers(), 0);
  });

  it('sends nothing for a signal that has already aborted', async () => {
    const { client, requests } = setUp([]);
    await assert.rejects(client.get(JOB_ID, { signal: AbortSignal.abort('no') }), (reason) => reason === 'no');
    assert.equal(requests.length, 0);
  });

  it('ends with the connection error and its cause when every try fails', async () => {
    const cause = new TypeError('fetch failed', {
      cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    });
    const { client, clock } = setUp(Array.from({ length: 9 }, () => () => Promise.reject(cause)));
    const got = client.get(JOB_ID);
    await clock.runUntilSettled(got);
    const error = await reasonOf(got);
    assert.ok(ConnectionError.isInstance(error));
    assert.equal(error.cause, cause);
    assert.equal(NotFoundError.isInstance(error), false);
  });
});
