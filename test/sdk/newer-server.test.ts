import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSafelight, type SafelightOptions } from '@safelight/sdk';
import { errorCodeSchema, jobSchema } from '@safelight/sdk/contract';
import { createFakeFetch, success } from './support/fake-fetch.ts';
import { failedJob, JOB_ID, queuedJob, runningJob, succeededJob } from './support/jobs.ts';
import { reasonOf } from './support/reason-of.ts';

function clientOf(answer: () => Response, options: Partial<SafelightOptions> = {}) {
  const { fetch } = createFakeFetch(answer);
  return createSafelight({ endpoint: 'https://api.example', fetch, maxRetries: 0, ...options });
}

const refusal = (status: number, code: unknown) =>
  Response.json(
    { error: { message: 'No', data: { safelight: { code, isRetryable: false, requestId: 'req-1' } } } },
    { status },
  );

describe('a newer server', () => {
  it('may name samplers, formats and fields that this version does not know', async () => {
    const job = { ...queuedJob(), extra: 1, settings: { ...queuedJob().settings, sampler: 'heun', format: 'avif' } };
    const read = await clientOf(() => success(job)).get(JOB_ID);
    assert.equal(read.settings.sampler, 'heun');
    assert.equal(read.settings.format, 'avif');
  });

  it('may warn of something new: the message is kept', async () => {
    const warnings = [{ code: 'too_dark', message: 'The picture is dark', darkness: 1 }, { code: 'mute' }];
    const read = await clientOf(() => success({ ...succeededJob(), warnings })).get(JOB_ID);
    assert.deepEqual(read.warnings[0], { code: 'other', message: 'The picture is dark' });
    assert.equal(read.warnings[1]?.code, 'other');
  });

  it('may be in a phase of its own', async () => {
    const job = { ...runningJob({ name: 'encoding' }), phase: { name: 'upscaling', factor: 2 } };
    const read = await clientOf(() => success(job)).get(JOB_ID);
    assert.deepEqual(read.status === 'running' && read.phase, { name: 'other' });
  });

  it('may refuse with a code of its own: the status speaks for it, and its message, request id and word on retries stay', async () => {
    const error = await reasonOf(clientOf(() => refusal(429, 'too_hot')).get(JOB_ID));
    assert.ok(error instanceof Error);
    assert.deepEqual({ ...error }, { ...error, name: 'RateLimitError', code: 'rate_limited', requestId: 'req-1' });
    assert.equal(error.message, 'No');
  });

  it('may fail a job with a code of its own, which reads as internal', async () => {
    const failed = { ...failedJob(), error: { code: 'too_hot', message: 'It melted', isRetryable: true } };
    const read = await clientOf(() => success(failed)).get(JOB_ID);
    assert.deepEqual(read.status === 'failed' && read.error, {
      code: 'internal',
      message: 'It melted',
      isRetryable: true,
    });
  });

  it('knows quota_exceeded', async () => {
    assert.ok(errorCodeSchema.options.includes('quota_exceeded'));
    const error = await reasonOf(clientOf(() => refusal(429, 'quota_exceeded')).get(JOB_ID));
    assert.equal((error as { name?: string }).name, 'RateLimitError');
    assert.equal((error as { isRetryable?: boolean }).isRetryable, false);
  });
});

describe('an answer that is damaged rather than new', () => {
  const damaged: [string, object][] = [
    ['a phase without its fields', { ...runningJob({ name: 'encoding' }), phase: { name: 'denoising', step: 'one' } }],
    ['a phase that is a number', { ...runningJob({ name: 'encoding' }), phase: 3 }],
    ['a warning without its words', { ...succeededJob(), warnings: [{ code: 'unknown_words' }] }],
    ['no revision', { ...queuedJob(), revision: undefined }],
    ['a failure without a message', { ...failedJob(), error: { code: 'internal', isRetryable: false } }],
  ];
  for (const [what, job] of damaged) {
    it(`(${what}) is refused`, () => assert.equal(jobSchema.safeParse(job).success, false));
  }
});
