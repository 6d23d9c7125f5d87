import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JobCanceledError, JobFailedError, TimeoutError } from '@safelight/sdk';
import { failure, hang, stream, success } from './support/fake-fetch.ts';
import {
  canceledJob,
  denoisingJob,
  failedJob,
  IMAGE_DATA,
  JOB_ID,
  label,
  queuedJob,
  succeededJob,
} from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';
import { input, setUp } from './support/scripted-client.ts';

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
