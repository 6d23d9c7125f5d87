/** What every home's job store must do. Call it with a way to make one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../../function/src/jobs/job-record.ts';
import type { JobStore } from '../../../function/src/jobs/job-store.ts';
import { acquire, type JobStoreFixture, LEASE } from './job-store-fixture.ts';
import { describeUsage } from './job-usage-contract.ts';
import { newJob, RESULT } from './sample-jobs.ts';

const ERROR = { code: 'out_of_memory', message: 'no room', isRetryable: true } as const;

const statusOf = async (store: JobStore, id: string) => (await store.get(id))?.status;

const describeSubmitting = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('submitting', () => {
    it('keeps the job as it was given', async () => {
      await using fixture = await createFixture();
      const request = newJob();
      const job = await fixture.store.create(request);
      assert.match(job.id, /^[a-z0-9]{20,40}$/);
      assert.deepEqual(await fixture.store.get(job.id), job);
      assert.deepEqual({ ...job, ...request }, job);
      assert.deepEqual([job.status, job.attempt, job.revision], ['queued', 0, 1]);
      assert.deepEqual(await fixture.store.find(request.owner, request.idempotencyKey), job);
      assert.equal(await fixture.store.get('0'.repeat(26)), undefined);
      assert.equal(await fixture.store.find('bob', request.idempotencyKey), undefined);
    });

    it('makes one job of the same key and input, however many calls race', async () => {
      await using fixture = await createFixture();
      const request = newJob();
      const jobs = await Promise.all(Array.from({ length: 10 }, () => fixture.store.create(request)));
      assert.equal(new Set(jobs.map(({ id }) => id)).size, 1);
      assert.equal((await fixture.store.counts()).queued, 1);
    });

    it('refuses the same key with other input, but not from another owner', async () => {
      await using fixture = await createFixture();
      const request = newJob();
      const job = await fixture.store.create(request);
      const conflict = { code: 'conflict', field: 'idempotencyKey', isRetryable: false };
      await assert.rejects(fixture.store.create({ ...request, inputHash: 'other' }), conflict);
      const other = await fixture.store.create({ ...request, owner: 'bob', inputHash: 'other' });
      assert.notEqual(other.id, job.id);
    });

    it('refuses more jobs than may wait, but not one that it has', async () => {
      await using fixture = await createFixture();
      const requests = Array.from({ length: fixture.maxQueued }, () => newJob());
      for (const request of requests) await fixture.store.create(request);
      await assert.rejects(fixture.store.create(newJob()), { code: 'rate_limited', isRetryable: true });
      const known = await fixture.store.create(requests[0] ?? newJob());
      await acquire(fixture.store, known.id);
      await fixture.store.create(newJob());
    });
  });

const describeReading = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('reading', () => {
    it("lists an owner's jobs newest first, each once, page by page", async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const ids: string[] = [];
      for (let i = 0; i < 7; i++) {
        // Several within one millisecond.
        if (i % 3 === 0) fixture.advance(1);
        ids.unshift((await store.create(newJob())).id);
        await store.create(newJob({ owner: 'bob' }));
      }
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.list({ owner: 'ann', limit: 3, cursor });
        assert.ok(page.jobs.length <= 3);
        seen.push(...page.jobs.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      assert.deepEqual(seen, ids);
      assert.deepEqual(await store.list({ owner: 'nobody', limit: 3 }), { jobs: [] });
      assert.equal((await store.list({ owner: 'ann', limit: 7 })).nextCursor, undefined, 'a last page that is full');
    });

    it('counts the jobs ahead in the queue', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const jobs: JobRecord[] = [];
      for (let i = 0; i < 3; i++) jobs.push(await store.create(newJob({ owner: `owner-${i}` })));
      const positions = () => Promise.all(jobs.map((job) => store.queuePosition(job)));
      assert.deepEqual(await positions(), [0, 1, 2]);
      await acquire(store, jobs[0]?.id ?? '');
      assert.deepEqual((await positions()).slice(1), [0, 1]);
      assert.deepEqual(await store.counts(), { queued: 2, running: 1 });
    });
  });

const describeWorking = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('working', () => {
    it('gives a job to one worker at a time', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const results = await Promise.all(Array.from({ length: 8 }, () => store.acquire(id, LEASE)));
      assert.equal(results.filter(({ outcome }) => outcome === 'acquired').length, 1);
      assert.equal(results.filter(({ outcome }) => outcome === 'busy').length, 7);
      const job = await store.get(id);
      assert.deepEqual([job?.status, job?.attempt], ['running', 1]);
      assert.deepEqual(await store.acquire('0'.repeat(26), LEASE), { outcome: 'finished' });
    });

    it('keeps a job whose lease is extended, and its phase', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      for (let i = 0; i < 3; i++) {
        fixture.advance(LEASE.leaseMs - 1);
        const beat = await store.heartbeat(hold, {
          leaseMs: LEASE.leaseMs,
          phase: { name: 'decoding', image: i, count: 3 },
        });
        assert.deepEqual(beat, { outcome: 'held', cancelRequested: false });
      }
      await store.heartbeat(hold, { leaseMs: LEASE.leaseMs });
      assert.deepEqual(
        (await store.get(id))?.phase,
        { name: 'decoding', image: 2, count: 3 },
        'no phase keeps the last',
      );
      assert.equal((await store.acquire(id, LEASE)).outcome, 'busy');
    });

    it('completes with the result', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      fixture.advance(5);
      assert.equal(await store.complete(hold, RESULT), 'written');
      const job = await store.get(id);
      assert.equal(job?.status, 'succeeded');
      assert.deepEqual(job?.result, RESULT);
      assert.equal((job?.finishedAt ?? 0) - (job?.startedAt ?? 0), 5);
      assert.deepEqual(await store.acquire(id, LEASE), { outcome: 'finished' });
      assert.equal(await store.complete(hold, RESULT), 'lost', 'twice is once');
    });

    it('refuses every write of a worker that lost its lease to another', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold: stale } = await acquire(store, id);
      fixture.advance(LEASE.leaseMs);
      const { hold } = await acquire(store, id);
      assert.equal(hold.attempt, stale.attempt + 1);
      const before = await store.get(id);
      assert.deepEqual(await store.heartbeat(stale, { leaseMs: 1, phase: { name: 'uploading' } }), {
        outcome: 'lost',
      });
      assert.equal(await store.complete(stale, RESULT), 'lost');
      assert.equal(await store.fail(stale, ERROR), 'lost');
      assert.equal(await store.release(stale, { delayMs: 0, isCharged: false }), 'lost');
      assert.equal(await store.confirmCancel(stale), 'lost');
      assert.deepEqual(await store.get(id), before);
      assert.equal(await store.complete(hold, RESULT), 'written');
    });

    it('never gives the same attempt number twice, also after a job was handed back', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold: first } = await acquire(store, id);
      await store.release(first, { delayMs: 0, isCharged: false });
      const { hold: second } = await acquire(store, id);
      assert.ok(second.attempt > first.attempt);
      assert.equal(await store.complete(first, RESULT), 'lost');
    });

    it('hands a job back after the delay', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      assert.equal(await store.release(hold, { delayMs: 500, isCharged: true }), 'written');
      assert.deepEqual([await statusOf(store, id), (await store.get(id))?.phase], ['queued', null]);
      fixture.advance(499);
      assert.equal((await store.acquire(id, LEASE)).outcome, 'busy');
      fixture.advance(1);
      await acquire(store, id);
    });

    it('fails a job with its error', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      assert.equal(await store.fail(hold, ERROR), 'written');
      const job = await store.get(id);
      assert.deepEqual([job?.status, job?.error], ['failed', ERROR]);
    });

    it('fails a job whose workers all went silent as worker_lost, not counting hand-backs', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      for (let i = 0; i < 5; i++) {
        const { hold } = await acquire(store, id);
        await store.release(hold, { delayMs: 0, isCharged: false });
      }
      for (let i = 0; i < LEASE.maxAttempts; i++) {
        await acquire(store, id);
        fixture.advance(LEASE.leaseMs);
      }
      assert.deepEqual(await store.acquire(id, LEASE), { outcome: 'exhausted' });
      const job = await store.get(id);
      assert.deepEqual([job?.status, job?.error?.code], ['failed', 'worker_lost']);
      assert.deepEqual(await store.acquire(id, LEASE), { outcome: 'finished' });
    });
  });

const describeCanceling = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('canceling', () => {
    it('ends a queued job at once', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      assert.equal((await store.requestCancel(id))?.status, 'canceled');
      assert.deepEqual(await store.acquire(id, LEASE), { outcome: 'finished' });
      assert.equal(await store.requestCancel('0'.repeat(26)), undefined);
    });

    it('tells the worker of a running job, and ends it when the worker stopped', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      assert.equal((await store.requestCancel(id))?.status, 'running');
      await store.requestCancel(id);
      assert.deepEqual(await store.heartbeat(hold, LEASE), { outcome: 'held', cancelRequested: true });
      assert.equal(await store.confirmCancel(hold), 'written');
      assert.equal(await statusOf(store, id), 'canceled');
    });

    it('comes too late for pictures that are made', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      await store.requestCancel(id);
      assert.equal(await store.complete(hold, RESULT), 'written');
      assert.equal((await store.requestCancel(id))?.status, 'succeeded');
    });

    it('holds when the worker is lost or hands the job back', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const lost = await store.create(newJob());
      await acquire(store, lost.id);
      await store.requestCancel(lost.id);
      const drained = await store.create(newJob());
      const { hold } = await acquire(store, drained.id);
      await store.requestCancel(drained.id);
      await store.release(hold, { delayMs: 0, isCharged: false });
      assert.equal(await statusOf(store, drained.id), 'canceled');
      fixture.advance(LEASE.leaseMs);
      assert.deepEqual(await store.acquire(lost.id, LEASE), { outcome: 'finished' });
      assert.equal(await statusOf(store, lost.id), 'canceled');
    });

    it('ends a running job whose worker is gone at once', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      fixture.advance(LEASE.leaseMs);
      assert.equal((await store.requestCancel(id))?.status, 'canceled');
      assert.deepEqual(await store.heartbeat(hold, LEASE), { outcome: 'lost' });
    });
  });

/** Runs the suite against the stores that `createFixture` makes, one per test. */
export const describeJobStore = (name: string, createFixture: () => Promise<JobStoreFixture>): void => {
  describe(`${name} as a job store`, () => {
    describeSubmitting(createFixture);
    describeReading(createFixture);
    describeWorking(createFixture);
    describeCanceling(createFixture);
    describeUsage(createFixture);
  });
};
