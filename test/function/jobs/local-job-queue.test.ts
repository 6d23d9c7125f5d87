import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeJobQueue, type JobQueueFixture } from './job-queue-contract.ts';
import { openLocalJobs } from './open-local-jobs.ts';
import { newJob } from './sample-jobs.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const createFixture = async (): Promise<JobQueueFixture> => {
  const folder = await createTemporaryFolder();
  const { database, store, queue } = await openLocalJobs(folder);
  return {
    store,
    queue,
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
};

describeJobQueue('SQLite', createFixture);

const LEASE = { leaseMs: 60_000, maxAttempts: 3 };
const never = new AbortController().signal;

describe('the local queue', () => {
  it('delivers oldest first, and waits for the next job without polling for it', async () => {
    await using folder = await createTemporaryFolder();
    const { database, store, queue } = await openLocalJobs(folder);
    const first = await store.create(newJob());
    const second = await store.create(newJob());
    assert.equal((await queue.receive(never)).jobId, first.id);
    await store.acquire(first.id, LEASE);
    assert.equal((await queue.receive(never)).jobId, second.id);
    await store.acquire(second.id, LEASE);
    const waiting = queue.receive(never);
    const third = await store.create(newJob());
    assert.equal((await waiting).jobId, third.id);
    database.close();
  });

  it('delivers jobs of lost workers before new ones, and jobs of other processes', async () => {
    await using folder = await createTemporaryFolder();
    const { database, store, queue } = await openLocalJobs(folder);
    const other = await openLocalJobs(folder);
    const lost = await other.store.create(newJob());
    await other.store.acquire(lost.id, { ...LEASE, leaseMs: 120 });
    const waiting = queue.receive(never);
    assert.equal((await waiting).jobId, lost.id);
    await store.create(newJob());
    assert.equal((await queue.receive(never)).jobId, lost.id);
    await store.acquire(lost.id, LEASE);
    database.close();
    other.database.close();
  });

  it('stops waiting when told to', async () => {
    await using folder = await createTemporaryFolder();
    const { database, queue } = await openLocalJobs(folder);
    const reason = new Error('enough');
    await assert.rejects(queue.receive(AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const waiting = queue.receive(controller.signal);
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    database.close();
  });
});
