import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job } from '@safelight/sdk/contract';
import { createUpdateFilter } from '../../sdk/src/jobs/update-filter.ts';
import { canceledJob, denoisingJob, queuedJob, runningJob, succeededJob } from './support/jobs.ts';

/** Which of the states get through, as true and false. */
function filter(...states: Job[]): boolean[] {
  return states.map(createUpdateFilter());
}

/** The same state as a later write left it. */
const revised = (job: Job, revision: number): Job => ({ ...job, revision });
const encoding = runningJob({ name: 'encoding' });

describe('updates of a job', () => {
  it('pass once', () => {
    assert.deepEqual(filter(queuedJob(), queuedJob(), denoisingJob(1), denoisingJob(1)), [true, false, true, false]);
  });

  it('never go back by a late answer', () => {
    const states = [queuedJob(), denoisingJob(2), denoisingJob(1), queuedJob(), denoisingJob(3)];
    assert.deepEqual(filter(...states), [true, true, false, false, true]);
  });

  it('follow a job that is handed back and taken up again', () => {
    const states = [denoisingJob(3, 1), queuedJob(0, 1), denoisingJob(3, 1), denoisingJob(1, 2), denoisingJob(4, 1)];
    assert.deepEqual(filter(...states), [true, true, false, true, false]);
  });

  it('leave out revisions in which a caller can see no change', () => {
    assert.deepEqual(filter(revised(encoding, 5), revised(encoding, 7), revised(denoisingJob(1), 6)), [
      true,
      false,
      false,
    ]);
  });

  it('end with the final state', () => {
    assert.deepEqual(filter(succeededJob(), denoisingJob(4), canceledJob()), [true, false, false]);
  });

  it('take a final state at its word, whatever its revision', () => {
    assert.deepEqual(filter(denoisingJob(4), revised(succeededJob(), 1)), [true, true]);
  });

  it('pass on each place in the queue, and never back', () => {
    assert.deepEqual(filter(queuedJob(2), queuedJob(1), queuedJob(1), queuedJob(2), queuedJob(0)), [
      true,
      true,
      false,
      false,
      true,
    ]);
  });

  it('never go from running to queued under one revision', () => {
    assert.deepEqual(filter(revised(encoding, 5), revised(queuedJob(3), 5)), [true, false]);
  });
});
