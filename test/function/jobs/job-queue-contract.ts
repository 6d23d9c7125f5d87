/** What every home's queue must do, together with the job store of that home. Call it with a way to make both. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobMessage, JobQueue } from '../../../function/src/jobs/job-queue.ts';
import type { JobHold } from '../../../function/src/jobs/job-record.ts';
import type { JobStore } from '../../../function/src/jobs/job-store.ts';
import { newJob } from './sample-jobs.ts';

export interface JobQueueFixture extends AsyncDisposable {
  store: JobStore;
  queue: JobQueue;
}

const LEASE = { leaseMs: 60_000, maxAttempts: 3 };
const never = new AbortController().signal;

const submit = async ({ store, queue }: JobQueueFixture): Promise<string> => {
  const { id } = await store.create(newJob());
  await queue.send(id);
  return id;
};

const take = async ({ store, queue }: JobQueueFixture): Promise<{ message: JobMessage; hold: JobHold }> => {
  const message = await queue.receive(never);
  const acquired = await store.acquire(message.jobId, LEASE);
  assert.ok(acquired.outcome === 'acquired', acquired.outcome);
  return { message, hold: { id: message.jobId, attempt: acquired.job.attempt } };
};

/** The jobs that are to be had; the last one is one that this adds, to know when there are no more. */
const rest = async (fixture: JobQueueFixture): Promise<number> => {
  const last = await submit(fixture);
  for (let found = 0; ; found++) {
    const { message } = await take(fixture);
    if (message.jobId === last) return found;
  }
};

/** Runs the suite against the queues that `createFixture` makes, one per test. */
export const describeJobQueue = (name: string, createFixture: () => Promise<JobQueueFixture>): void => {
  describe(`${name} as a job queue`, () => {
    it('delivers each job', async () => {
      await using fixture = await createFixture();
      const sent = [await submit(fixture), await submit(fixture), await submit(fixture)];
      const received: string[] = [];
      for (const _ of sent) received.push((await take(fixture)).message.jobId);
      assert.deepEqual(received.sort(), sent.sort());
    });

    it('waits for a job', async () => {
      await using fixture = await createFixture();
      const waiting = fixture.queue.receive(never);
      const id = await submit(fixture);
      assert.equal((await waiting).jobId, id);
    });

    it('stops waiting when told to, and keeps jobs that come afterwards', async () => {
      await using fixture = await createFixture();
      const reason = new Error('enough');
      await assert.rejects(fixture.queue.receive(AbortSignal.abort(reason)), reason);
      const controller = new AbortController();
      const stopped = assert.rejects(fixture.queue.receive(controller.signal), reason);
      controller.abort(reason);
      const id = await submit(fixture);
      await stopped;
      assert.equal((await fixture.queue.receive(never)).jobId, id);
    });

    it('gives at once what waits, and else nothing', async () => {
      await using fixture = await createFixture();
      assert.equal(await fixture.queue.receiveNow(), undefined);
      const id = await submit(fixture);
      const message = await fixture.queue.receiveNow();
      assert.equal(message?.jobId, id);
      await fixture.store.acquire(id, LEASE);
      assert.equal(await fixture.queue.receiveNow(), undefined);
    });

    it('delivers again what was handed back without having been taken', async () => {
      await using fixture = await createFixture();
      const id = await submit(fixture);
      await fixture.queue.release((await fixture.queue.receiveNow()) as JobMessage, 0);
      assert.equal((await take(fixture)).message.jobId, id);
    });

    it('gives a job in work to nobody else', async () => {
      await using fixture = await createFixture();
      await submit(fixture);
      const { message } = await take(fixture);
      await fixture.queue.extend(message, 60);
      assert.equal(await rest(fixture), 0);
    });

    it('delivers again what was handed back', async () => {
      await using fixture = await createFixture();
      const id = await submit(fixture);
      const { message, hold } = await take(fixture);
      await fixture.store.release(hold, { delayMs: 0, isCharged: false });
      await fixture.queue.release(message, 0);
      assert.equal((await take(fixture)).message.jobId, id);
    });

    it('is through with a job that is done, and with one that is buried', async () => {
      await using fixture = await createFixture();
      await submit(fixture);
      await submit(fixture);
      const [first, second] = [await take(fixture), await take(fixture)];
      await fixture.store.confirmCancel(first.hold);
      await fixture.queue.done(first.message);
      await fixture.store.fail(second.hold, { code: 'internal', message: 'm', isRetryable: false });
      await fixture.queue.bury(second.message);
      assert.equal(await rest(fixture), 0);
    });

    it('does not mind words about a message that it no longer has', async () => {
      await using fixture = await createFixture();
      await submit(fixture);
      const { message, hold } = await take(fixture);
      await fixture.store.confirmCancel(hold);
      await fixture.queue.done(message);
      await fixture.queue.extend(message, 60);
      await fixture.queue.release(message, 0);
      await fixture.queue.done(message);
      assert.equal(await rest(fixture), 0);
    });
  });
};
