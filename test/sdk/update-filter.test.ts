import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job, Phase } from '@safelight/sdk/contract';
import { createUpdateFilter } from '../../sdk/src/jobs/update-filter.ts';
import { canceledJob, denoisingJob, queuedJob, runningJob, succeededJob } from './support/jobs.ts';

/** Which of the states get through, as true and false. */
function filter(...states: Job[]): boolean[] {
  return states.map(createUpdateFilter());
}

const decoding = (image: number): Phase => ({ name: 'decoding', image, count: 2 });
const denoising = (image: number, step: number): Phase => ({ name: 'denoising', image, count: 2, step, steps: 4 });
const loading = (loadedBytes: number, totalBytes = 100): Phase => ({ name: 'loading', loadedBytes, totalBytes });

describe('updates of a job', () => {
  it('pass once', () => {
    assert.deepEqual(filter(queuedJob(), queuedJob(), denoisingJob(1), denoisingJob(1)), [true, false, true, false]);
  });

  it('never go back from running to queued by a late answer', () => {
    assert.deepEqual(filter(queuedJob(0, 0), denoisingJob(1, 1), queuedJob(0, 0)), [true, true, false]);
  });

  it('follow a job that is handed back and taken up again', () => {
    const states = [denoisingJob(3, 1), queuedJob(0, 1), denoisingJob(3, 1), denoisingJob(1, 2), denoisingJob(4, 1)];
    assert.deepEqual(filter(...states), [true, true, false, true, false]);
  });

  it('run also where the server counts attempts from the first waiting', () => {
    assert.deepEqual(filter(queuedJob(0, 1), denoisingJob(1, 1)), [true, true]);
  });

  it('end with the final state', () => {
    assert.deepEqual(filter(succeededJob(), denoisingJob(4), canceledJob()), [true, false, false]);
  });

  it('pass on each place in the queue', () => {
    assert.deepEqual(filter(queuedJob(2), queuedJob(1), queuedJob(1), queuedJob(0)), [true, true, false, true]);
  });

  it('never go back in bytes, phases, steps or images', () => {
    const phases: [Phase, boolean][] = [
      [loading(10), true],
      [loading(5), false],
      [loading(20), true],
      [loading(1, 200), true],
      [{ name: 'encoding' }, true],
      [loading(30), false],
      [denoising(0, 2), true],
      [denoising(0, 1), false],
      [decoding(0), true],
      [denoising(0, 4), false],
      [denoising(1, 1), true],
      [decoding(1), true],
      [{ name: 'uploading' }, true],
      [{ name: 'uploading' }, false],
      [decoding(1), false],
    ];
    const passed = filter(...phases.map(([phase]) => runningJob(phase)));
    assert.deepEqual(
      passed,
      phases.map(([, expected]) => expected),
    );
  });

  it('follow a worker that denoises all images before it decodes the first', () => {
    const states = [denoising(0, 1), denoising(1, 1), decoding(0), decoding(1)].map((phase) => runningJob(phase));
    assert.deepEqual(filter(...states), [true, true, true, true]);
  });
});
