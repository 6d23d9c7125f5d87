import type { GenerateSettings } from '@safelight/sdk/contract';
import type { JobResult, NewJob } from '../../../function/src/jobs/job-record.ts';

export const SETTINGS: GenerateSettings = {
  prompt: 'a "quoted" fox 🦊\n',
  negativePrompt: '',
  model: 'fake',
  width: 64,
  height: 64,
  steps: 4,
  guidanceScale: 7.5,
  sampler: 'ddim',
  schedule: 'ddim_uniform',
  eta: 0,
  seed: 4_294_967_295,
  rng: 'cuda',
  count: 1,
  format: 'png',
};

let made = 0;
/** A job unlike all others; pass what matters. */
export const newJob = (differences: Partial<NewJob> = {}): NewJob => ({
  owner: 'ann',
  idempotencyKey: `contract-key-${made++}`,
  inputHash: 'hash',
  settings: SETTINGS,
  webhookUrl: null,
  ...differences,
});

export const RESULT: JobResult = {
  images: [{ index: 0, width: 64, height: 64, seed: 1, format: 'png', bytes: 3, sha256: 'ab', key: 'jobs/x/0.png' }],
  warnings: [{ code: 'unknown_words', field: 'prompt', message: 'm', words: ['w'] }],
  work: { denoised: 7, decoded: 8 },
  timings: { queueMs: 1, loadMs: 2, encodeMs: 3, denoiseMs: 4, decodeMs: 5, uploadMs: 6 },
  usage: { gpuSeconds: 0.021, price: { amount: 0.000004, currency: 'USD', priceDate: '2026-01-01' } },
};
