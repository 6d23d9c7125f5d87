import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JobCanceledError, JobFailedError, TimeoutError } from '@safelight/sdk';
import type { Job } from '@safelight/sdk/contract';
import { createClient } from '../../sdk/src/client.ts';
import { createFakeClock } from './support/fake-clock.ts';
import { createFakeFetch, failure, hang, type SeenRequest, stream, success } from './support/fake-fetch.ts';
import {
  canceledJob,
  denoisingJob,
  failedJob,
  IMAGE_DATA,
  JOB_ID,
  label,
  queuedJob,
  SECRET_PROMPT,
  succeededJob,
} from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';

type Answer = (request: SeenRequest, index: number) => Response | Promise<Response>;

/** A server with one answer per procedure; the job never ends unless a test says so. */
function setUp(answers: Record<string, Answer> = {}) {
  const clock = createFakeClock();
  const defaults: Record<string, Answer> = {
    'jobs.submit': () => success(queuedJob()),
    'jobs.watch': () => stream([queuedJob()], 'hang'),
    'jobs.get': () => success(queuedJob()),
    'jobs.cancel': () => success(canceledJob()),
  };
  const counts: Record<string, number> = {};
  const { fetch, requests } = createFakeFetch((request) => {
    const index = counts[request.path] ?? 0;
    counts[request.path] = index + 1;
    const answer = answers[request.path] ?? defaults[request.path];
    return answer === undefined ? failure(404) : answer(request, index);
  });
  const client = createClient({ endpoint: 'https://api.example/', fetch }, clock);
  const paths = () => requests.map((request) => request.path);
  return { client, clock, requests, paths };
}

const input = { prompt: SECRET_PROMPT };

describe('generate', () => {
  it('submits, waits and resolves to the pictures', async () => {
    const { client, paths } = setUp({ 'jobs.watch': () => stream([queuedJob(), denoisingJob(1), succeededJob()]) });
    const result = await client.generate(input);
    assert.equal(result.seed, 42);
    assert.equal(result.settings.steps, 4);
    assert.equal(result.job.id, JOB_ID);
    assert.deepEqual(
      result.images.map((image) => [image.jobId, image.index, image.bytes]),
      [[JOB_ID, 0, IMAGE_DATA.byteLength]],
    );
    assert.deepEqual(paths(), ['jobs.submit', 'jobs.watch']);
  });

  it('reports each state on the way once', async () => {
    const states = [queuedJob(), queuedJob(), denoisingJob(1), denoisingJob(2), denoisingJob(2), succeededJob()];
    const { client } = setUp({ 'jobs.watch': () => stream(states) });
    const seen: string[] = [];
    await client.generate(input, { onProgress: (job) => void seen.push(label(job)) });
    assert.deepEqual(seen, ['queued', 'denoising 1', 'denoising 2']);
  });

  it('rejects with the failure of a job', async () => {
    const { client } = setUp({ 'jobs.watch': () => stream([failedJob()]) });
    const error = await reasonOf(client.generate(input));
    assert.ok(JobFailedError.isInstance(error));
    assert.equal(error.job.error.code, 'out_of_memory');
    assert.deepEqual([error.code, error.jobId, error.isRetryable], ['out_of_memory', JOB_ID, false]);
  });

  it('rejects when someone else cancels the job', async () => {
    const { client } = setUp({ 'jobs.watch': () => stream([canceledJob()]) });
    const error = await reasonOf(client.generate(input));
    assert.ok(JobCanceledError.isInstance(error));
    assert.equal(error.jobId, JOB_ID);
  });

  it('uses the idempotency key of the caller', async () => {
    const { client, requests } = setUp({ 'jobs.watch': () => stream([succeededJob()]) });
    await client.generate(input, { idempotencyKey: 'order-12345' });
    const body = requests[0]?.body as { idempotencyKey: string } | undefined;
    assert.equal(body?.idempotencyKey, 'order-12345');
  });
});

describe('an abort of generate', () => {
  it('cancels the job, then rejects with its reason', async () => {
    const { client, clock, paths } = setUp();
    const controller = new AbortController();
    const generated = client.generate(input, { signal: controller.signal });
    generated.catch(() => undefined);
    await clock.advance(1000);
    const reason = new Error('changed my mind');
    controller.abort(reason);
    assert.equal(await reasonOf(generated), reason);
    assert.equal(paths().at(-1), 'jobs.cancel');
    assert.equal(clock.pendingTimers(), 0);
  });

  it('rejects after five seconds when the server does not answer the cancelling', async () => {
    const { client, clock } = setUp({ 'jobs.cancel': hang });
    const controller = new AbortController();
    const generated = client.generate(input, { signal: controller.signal });
    generated.catch(() => undefined);
    await clock.advance(1000);
    controller.abort('enough');
    assert.equal(await clock.runUntilSettled(generated), 5000);
    assert.equal(await reasonOf(generated), 'enough');
  });

  it('cancels the job of a submission that was in flight', async () => {
    let answerSubmit: (response: Response) => void = () => undefined;
    const { client, clock, paths } = setUp({
      'jobs.submit': () => new Promise((resolve) => (answerSubmit = resolve)),
    });
    const controller = new AbortController();
    const generated = client.generate(input, { signal: controller.signal });
    generated.catch(() => undefined);
    await clock.advance(100);
    controller.abort('enough');
    await clock.advance(100);
    answerSubmit(success(queuedJob()));
    assert.equal(await reasonOf(generated), 'enough');
    assert.deepEqual(paths(), ['jobs.submit', 'jobs.cancel']);
  });

  it('asks again under the same key for a job that may exist, and cancels it', async () => {
    const { client, clock, paths, requests } = setUp({
      'jobs.submit': (_, index) =>
        index === 0 ? Promise.reject(new TypeError('connection reset')) : success(queuedJob()),
    });
    const controller = new AbortController();
    const generated = client.generate(input, { signal: controller.signal });
    generated.catch(() => undefined);
    await clock.advance(100);
    controller.abort('enough');
    assert.equal(await reasonOf(generated), 'enough');
    assert.deepEqual(paths(), ['jobs.submit', 'jobs.submit', 'jobs.cancel']);
    assert.deepEqual(requests[0]?.body, requests[1]?.body);
  });

  it('sends nothing more when the server has refused the submission', async () => {
    const { client, clock, paths } = setUp({ 'jobs.submit': () => failure(429) });
    const controller = new AbortController();
    const generated = client.generate(input, { signal: controller.signal });
    generated.catch(() => undefined);
    await clock.advance(100);
    controller.abort('enough');
    assert.equal(await reasonOf(generated), 'enough');
    assert.deepEqual(paths(), ['jobs.submit']);
  });

  it('sends nothing at all when it comes before the call', async () => {
    const { client, paths } = setUp();
    assert.equal(await reasonOf(client.generate(input, { signal: AbortSignal.abort('early') })), 'early');
    assert.deepEqual(paths(), []);
  });
});

describe('the deadline of generate', () => {
  it('cancels the job and names it', async () => {
    const { client, clock, paths } = setUp();
    const generated = client.generate(input, { deadlineMs: 20_000 });
    assert.equal(await clock.runUntilSettled(generated), 20_000);
    const error = await reasonOf(generated);
    assert.ok(TimeoutError.isInstance(error));
    assert.deepEqual([error.code, error.jobId], ['deadline_exceeded', JOB_ID]);
    assert.match(error.message, new RegExp(JOB_ID));
    assert.equal(paths().at(-1), 'jobs.cancel');
  });

  it('leaves the job running with cancelOnDeadline: false, to be resumed', async () => {
    let isDone = false;
    const { client, clock, paths } = setUp({
      'jobs.get': () => success(isDone ? succeededJob() : queuedJob()),
    });
    const generated = client.generate(input, { deadlineMs: 20_000, cancelOnDeadline: false });
    await clock.runUntilSettled(generated);
    const error = await reasonOf(generated);
    assert.ok(TimeoutError.isInstance(error));
    assert.ok(!paths().includes('jobs.cancel'));
    isDone = true;
    const handle = await client.resume(error.jobId ?? '');
    assert.equal((await handle.wait()).seed, 42);
  });

  it('still cancels on an abort with cancelOnDeadline: false', async () => {
    const { client, clock, paths } = setUp();
    const controller = new AbortController();
    const generated = client.generate(input, { signal: controller.signal, cancelOnDeadline: false });
    generated.catch(() => undefined);
    await clock.advance(100);
    controller.abort('enough');
    await reasonOf(generated);
    assert.equal(paths().at(-1), 'jobs.cancel');
  });

  it('is half an hour unless told otherwise, and can be switched off', async () => {
    const { client, clock } = setUp({ 'jobs.watch': () => failure(404) });
    const generated = client.generate(input);
    assert.equal(await clock.runUntilSettled(generated), 30 * 60_000);
    const endless = client.generate(input, { deadlineMs: Infinity });
    const stop = Promise.race([endless.catch(() => 'ended'), clock.advance(60 * 60_000).then(() => 'still waiting')]);
    assert.equal(await stop, 'still waiting');
  });

  it('of 0 is over at once', async () => {
    const { client, clock } = setUp();
    const generated = client.generate(input, { deadlineMs: 0 });
    assert.equal(await clock.runUntilSettled(generated), 0);
    assert.ok(TimeoutError.isInstance(await reasonOf(generated)));
  });
});

describe('an error in onProgress', () => {
  for (const [kind, onProgress] of [
    [
      'thrown',
      () => {
        throw new Error('bug in my progress bar');
      },
    ],
    ['of its promise', () => Promise.reject(new Error('bug in my progress bar'))],
  ] as const) {
    it(`(${kind}) cancels the job and rejects with it`, async () => {
      const { client, paths } = setUp();
      const error = await reasonOf(client.generate(input, { onProgress }));
      assert.equal((error as Error).message, 'bug in my progress bar');
      assert.deepEqual(paths(), ['jobs.submit', 'jobs.cancel']);
    });
  }

  it('ends wait, but leaves the job running', async () => {
    const { client, paths } = setUp();
    const handle = await client.submit(input);
    const waited = handle.wait({ onProgress: () => Promise.reject(new Error('bug')) });
    await assert.rejects(waited, { message: 'bug' });
    assert.deepEqual(paths(), ['jobs.submit']);
  });
});

describe('a job handle', () => {
  it('knows its job before and after waiting', async () => {
    const { client } = setUp({ 'jobs.watch': () => stream([denoisingJob(1), succeededJob()]) });
    const handle = await client.submit(input);
    assert.equal(handle.id, JOB_ID);
    assert.equal(handle.job.status, 'queued');
    await handle.wait();
    assert.equal(handle.job.status, 'succeeded');
  });

  it('iterates over the updates up to the final one', async () => {
    const { client } = setUp({ 'jobs.watch': () => stream([denoisingJob(1), succeededJob()]) });
    const seen: Job[] = [];
    for await (const job of await client.submit(input)) seen.push(job);
    assert.deepEqual(seen.map(label), ['queued', 'denoising 1', 'succeeded']);
  });

  it('closes the stream when the loop is left, and leaves the job running', async () => {
    const { client, clock, requests, paths } = setUp({ 'jobs.watch': () => stream([denoisingJob(1)], 'hang') });
    for await (const job of await client.submit(input)) if (job.status === 'running') break;
    assert.equal(requests.at(-1)?.signal?.aborted, true);
    assert.deepEqual(paths(), ['jobs.submit', 'jobs.watch']);
    assert.equal(clock.pendingTimers(), 0);
  });

  it('stops waiting on an abort without cancelling the job', async () => {
    const { client, clock, paths } = setUp();
    const handle = await client.submit(input);
    const controller = new AbortController();
    const waited = handle.wait({ signal: controller.signal });
    waited.catch(() => undefined);
    await clock.advance(100);
    controller.abort('enough');
    assert.equal(await reasonOf(waited), 'enough');
    assert.ok(!paths().includes('jobs.cancel'));
    assert.equal(clock.pendingTimers(), 0);
  });

  it('stops waiting at its deadline without cancelling the job', async () => {
    const { client, clock, paths } = setUp();
    const handle = await client.submit(input);
    const waited = handle.wait({ deadlineMs: 1000 });
    await clock.runUntilSettled(waited);
    await assert.rejects(waited, { code: 'deadline_exceeded', jobId: JOB_ID });
    assert.ok(!paths().includes('jobs.cancel'));
  });

  it('cancels when asked to', async () => {
    const { client } = setUp();
    const handle = await client.submit(input);
    assert.equal((await handle.cancel()).status, 'canceled');
    assert.equal(handle.job.status, 'canceled');
  });

  it('resumes a finished job without another request', async () => {
    const { client, paths } = setUp({ 'jobs.get': () => success(succeededJob()) });
    const handle = await client.resume(JOB_ID);
    await handle.wait();
    assert.deepEqual(paths(), ['jobs.get']);
  });
});

describe('waiting for a job', () => {
  it('polls when the stream drops, comes back to the stream, and repeats nothing', async () => {
    const { client, clock, paths } = setUp({
      'jobs.watch': (_, index) =>
        index === 0
          ? stream([queuedJob(), denoisingJob(1)], 'break')
          : stream([denoisingJob(2), denoisingJob(3), succeededJob()]),
      'jobs.get': () => success(denoisingJob(2)),
    });
    const seen: string[] = [];
    const generated = client.generate(input, { onProgress: (job) => void seen.push(label(job)) });
    await clock.runUntilSettled(generated);
    assert.deepEqual(seen, ['queued', 'denoising 1', 'denoising 2', 'denoising 3']);
    assert.deepEqual(paths(), ['jobs.submit', 'jobs.watch', 'jobs.get', 'jobs.watch']);
  });

  it('gets by with polls alone, ever fewer while nothing changes', async () => {
    const { client, clock, paths } = setUp({
      'jobs.watch': () => failure(404, undefined, {}, 'No procedure found'),
      'jobs.get': (_, index) => success(index < 20 ? queuedJob() : succeededJob()),
    });
    const took = await clock.runUntilSettled(client.generate(input));
    assert.equal(paths().filter((path) => path === 'jobs.get').length, 21);
    assert.ok(paths().filter((path) => path === 'jobs.watch').length <= 6);
    assert.ok(took > 100_000 && took < 200_000, `${took} ms`);
  });

  it('notices a stream that stalls', async () => {
    const { client, clock } = setUp({ 'jobs.get': () => success(succeededJob()) });
    assert.equal(await clock.runUntilSettled(client.generate(input)), 30_500);
  });

  it('notices a stream that ends too early', async () => {
    const { client, clock } = setUp({
      'jobs.watch': () => stream([queuedJob()], 'return'),
      'jobs.get': () => success(succeededJob()),
    });
    assert.equal(await clock.runUntilSettled(client.generate(input)), 500);
  });

  it('goes on when the server is away for a minute', async () => {
    let isAway = false;
    const away = () => Promise.reject(new TypeError('fetch failed'));
    const { client, clock } = setUp({
      'jobs.watch': () => (isAway ? away() : stream([succeededJob()])),
      'jobs.get': () => (isAway ? away() : success(queuedJob())),
    });
    const handle = await client.submit(input);
    isAway = true;
    const waited = handle.wait();
    waited.catch(() => undefined);
    await clock.advance(60_000);
    isAway = false;
    await clock.runUntilSettled(waited);
    assert.equal((await waited).seed, 42);
  });

  it('gives up when the server stays away, naming the job and cancelling nothing', async () => {
    const away = () => Promise.reject(new TypeError('fetch failed'));
    const { client, clock, paths } = setUp({ 'jobs.watch': away, 'jobs.get': away });
    const generated = client.generate(input);
    const took = await clock.runUntilSettled(generated);
    await assert.rejects(generated, { name: 'ConnectionError', jobId: JOB_ID });
    assert.ok(took > 120_000 && took < 180_000, `${took} ms`);
    assert.ok(!paths().includes('jobs.cancel'));
  });

  it('gives up at once when the key is no longer good', async () => {
    const unauthorized = () => failure(401, { code: 'unauthorized' });
    const { client, clock } = setUp({ 'jobs.watch': unauthorized, 'jobs.get': unauthorized });
    const generated = client.generate(input);
    assert.equal(await clock.runUntilSettled(generated), 500);
    await assert.rejects(generated, { name: 'AuthenticationError' });
  });
});
