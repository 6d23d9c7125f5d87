import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job } from '@safelight/sdk/contract';
import { failure, stream, success } from './support/fake-fetch.ts';
import { denoisingJob, JOB_ID, label, queuedJob, succeededJob } from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';
import { input, setUp } from './support/scripted-client.ts';

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
