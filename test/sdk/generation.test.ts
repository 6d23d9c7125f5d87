import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createGeneration,
  type GenerateOptions,
  type GenerateResult,
  type GenerationState,
  type PendingJob,
  type Safelight,
} from '@safelight/sdk';
import { denoisingJob, queuedJob } from './support/jobs.ts';

/** A client whose one call at a time is played by the test. */
function createStub() {
  const calls: {
    options: GenerateOptions;
    resolve: (result: GenerateResult) => void;
    reject: (error: unknown) => void;
  }[] = [];
  const generate = (_: unknown, options: GenerateOptions = {}) =>
    new Promise<GenerateResult>((resolve, reject) => {
      options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      calls.push({ options, resolve, reject });
    });
  return { client: { generate } as Pick<Safelight, 'generate'>, calls };
}

const result = { seed: 1 } as GenerateResult;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a generation for user interfaces', () => {
  it('shows progress and the result, with a new snapshot at each change and none between', async () => {
    const { client, calls } = createStub();
    const generation = createGeneration(client);
    const seen: GenerationState[] = [];
    const unsubscribe = generation.subscribe(() => seen.push(generation.getSnapshot()));
    assert.deepEqual(generation.getSnapshot(), { status: 'idle' });
    assert.equal(generation.getSnapshot(), generation.getSnapshot());
    const started = generation.start({ prompt: 'x' });
    await calls[0]?.options.onProgress?.(queuedJob() as PendingJob);
    await calls[0]?.options.onProgress?.(denoisingJob(1) as PendingJob);
    calls[0]?.resolve(result);
    await started;
    assert.deepEqual(
      seen.map((state) => (state.status === 'running' ? (state.job?.phase.name ?? 'none') : state.status)),
      ['none', 'queued', 'denoising', 'succeeded'],
    );
    unsubscribe();
    generation.reset();
    assert.equal(seen.length, 4);
    assert.equal(generation.getSnapshot().status, 'idle');
  });

  it('shows an error', async () => {
    const { client, calls } = createStub();
    const generation = createGeneration(client);
    const started = generation.start({ prompt: 'x' });
    const error = new Error('broken');
    calls[0]?.reject(error);
    await started;
    assert.deepEqual(generation.getSnapshot(), { status: 'failed', error });
  });

  it('cancels what is replaced or reset, and hears no more of it', async () => {
    const { client, calls } = createStub();
    const generation = createGeneration(client);
    const first = generation.start({ prompt: 'first' });
    const second = generation.start({ prompt: 'second' });
    await first;
    assert.equal(calls[0]?.options.signal?.aborted, true);
    await calls[0]?.options.onProgress?.(denoisingJob(3) as PendingJob);
    assert.deepEqual(generation.getSnapshot(), { status: 'running', job: undefined });
    generation.reset();
    await second;
    await turn();
    assert.equal(calls[1]?.options.signal?.aborted, true);
    assert.deepEqual(generation.getSnapshot(), { status: 'idle' });
  });
});
