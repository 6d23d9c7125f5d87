import assert from 'node:assert/strict';
import type { JobHold, JobRecord } from '../../../function/src/jobs/job-record.ts';
import type { JobStore } from '../../../function/src/jobs/job-store.ts';

/** How tests take jobs. */
export const LEASE = { leaseMs: 10_000, maxAttempts: 3 };

export interface JobStoreFixture extends AsyncDisposable {
  store: JobStore;
  /** Lets the store's clock go on. */
  advance(milliseconds: number): void;
  /** Jobs that may wait at a time. */
  maxQueued: number;
}

/** Takes a job, which must be there to be taken. */
export const acquire = async (store: JobStore, id: string): Promise<{ hold: JobHold; job: JobRecord }> => {
  const result = await store.acquire(id, LEASE);
  assert.ok(result.outcome === 'acquired', `acquired, not ${result.outcome}`);
  return { hold: { id, attempt: result.job.attempt }, job: result.job };
};
