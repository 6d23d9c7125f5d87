/** What other clients do wrong, measured (replicate 1.4.0, fal 1.10.1, openai-node, RunPod, huggingface.js): never here. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SafelightError, type SafelightOptions } from '@safelight/sdk';
import { createClient } from '../../sdk/src/client.ts';
import { createFakeClock } from './support/fake-clock.ts';
import { createFakeFetch, failure, type SeenRequest, stream, success } from './support/fake-fetch.ts';
import { canceledJob, denoisingJob, JOB_ID, queuedJob, SECRET_PROMPT, succeededJob } from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';

const input = { prompt: SECRET_PROMPT };

function setUp(answer: (request: SeenRequest, index: number) => Response, options: Partial<SafelightOptions> = {}) {
  const clock = createFakeClock();
  const times: number[] = [];
  const start = clock.now();
  const { fetch, requests } = createFakeFetch((request, index) => {
    times.push(clock.now() - start);
    return answer(request, index);
  });
  return {
    client: createClient({ endpoint: 'https://api.example', fetch, ...options }, clock),
    clock,
    requests,
    times,
  };
}

const keyOf = ({ body }: SeenRequest) => (body as { idempotencyKey?: string } | undefined)?.idempotencyKey;

describe('other clients', () => {
  it('send 6 requests in 29 ms at a 429 with Retry-After: 2; this one waits 2 s each time', async () => {
    const { client, clock, times } = setUp(() =>
      failure(429, { code: 'rate_limited', isRetryable: true }, { 'retry-after': '2' }),
    );
    const error = reasonOf(client.get(JOB_ID));
    await clock.runUntilSettled(error);
    assert.deepEqual(times, [0, 2000, 4000, 6000, 8000]);
    assert.equal(((await error) as SafelightError).name, 'RateLimitError');
  });

  it('retry a 503 at once and without end; this one 4 times, with pauses that grow', async () => {
    const { client, clock, times } = setUp(() => new Response('', { status: 503 }));
    await clock.runUntilSettled(reasonOf(client.get(JOB_ID)));
    // The fake clock draws the longest pause each time.
    assert.deepEqual(times, [0, 500, 1500, 3500, 7500]);
  });

  it('pay for each try of a POST that fails; this one repeats one key, for one job', async () => {
    const { client, clock, requests } = setUp((request, index) => {
      if (request.path !== 'jobs.submit')
        return request.path === 'jobs.watch' ? stream([succeededJob()]) : success(succeededJob());
      return index < 3 ? new Response('', { status: 502 }) : success(queuedJob());
    });
    const generating = client.generate(input);
    await clock.runUntilSettled(generating);
    const keys = requests.map(keyOf).filter((key) => key !== undefined);
    assert.equal(keys.length, 4);
    assert.equal(new Set(keys).size, 1);
    assert.match(keys[0] ?? '', /^[0-9a-f]{32}$/);
  });

  it('give null while the job is still running; this one gives pictures, and not before they are there', async () => {
    let polls = 0;
    const { client, clock } = setUp(({ path }) => {
      if (path === 'jobs.submit') return success(queuedJob());
      if (path === 'jobs.watch') return stream([], 'break');
      return success(polls++ < 30 ? denoisingJob(1) : succeededJob());
    });
    const generating = client.generate(input);
    await clock.runUntilSettled(generating);
    assert.equal((await generating).images.length, 1);
    assert.ok(polls > 30);
  });

  it('leave the GPU running at an abort; this one cancels the job, then rejects with the reason', async () => {
    const { client, clock, requests } = setUp(({ path }) => {
      if (path === 'jobs.cancel') return success(canceledJob());
      return path === 'jobs.submit' ? success(queuedJob()) : stream([denoisingJob(1)], 'hang');
    });
    const controller = new AbortController();
    const reason = new Error('enough');
    const generating = reasonOf(client.generate(input, { signal: controller.signal }));
    await clock.advance(100);
    controller.abort(reason);
    assert.equal(await generating, reason);
    assert.equal(requests.at(-1)?.path, 'jobs.cancel');
  });

  it('have no time limit; this one ends a request after 30 s, and a call at its deadline', async () => {
    const { client, clock } = setUp(() => new Response(new ReadableStream()));
    const request = reasonOf(client.get(JOB_ID, { deadlineMs: Infinity }));
    assert.equal(await clock.runUntilSettled(request), 5 * 30_000 + 7500);
    const call = reasonOf(client.get(JOB_ID, { deadlineMs: 1000 }));
    assert.equal(await clock.runUntilSettled(call), 1000);
    assert.equal(((await call) as SafelightError).code, 'deadline_exceeded');
  });

  it('believe every answer; this one checks it, and says where it is wrong', async () => {
    const { client } = setUp(() => success({ ...queuedJob(), createdAt: 5 }));
    const error = await reasonOf(client.get(JOB_ID));
    assert.ok(SafelightError.isInstance(error));
    assert.equal(error.code, 'invalid_response');
    assert.match(error.message, /"createdAt"/);
  });

  it('leave a job without an owner when a submission gets no clear answer; this one cancels it', async () => {
    const { client, clock, requests } = setUp(({ path }, index) => {
      if (path === 'jobs.cancel') return success(canceledJob());
      // The server did the work each time; a gateway lost its answers, until the clean-up.
      return index < 5 ? new Response('', { status: 504 }) : success(queuedJob());
    });
    const error = reasonOf(client.submit(input));
    await clock.runUntilSettled(error);
    assert.equal(((await error) as SafelightError).status, 504);
    assert.deepEqual(
      requests.map(({ path }) => path),
      [...Array<string>(6).fill('jobs.submit'), 'jobs.cancel'],
    );
    assert.equal(new Set(requests.map(keyOf).filter((key) => key !== undefined)).size, 1);
  });

  it('but not under a key of the caller, who finds the job with it', async () => {
    const { client, clock, requests } = setUp(() => new Response('', { status: 504 }));
    await clock.runUntilSettled(reasonOf(client.submit(input, { idempotencyKey: 'order-12345' })));
    assert.equal(requests.length, 5);
  });
});
