import { createHash } from 'node:crypto';
import type { Job, JobImage, Phase, SucceededJob } from '@safelight/sdk/contract';

export const JOB_ID = '01hzy3k5v7q8r9s0t1w2x3y4z5';
/** A prompt, key and signature that no message may show. */
export const SECRET_PROMPT = 'a very private picture';
export const API_KEY = 'sk-very-secret-key';

const base = {
  id: JOB_ID,
  revision: 1,
  settings: {
    prompt: SECRET_PROMPT,
    negativePrompt: '',
    model: 'mini',
    width: 64,
    height: 64,
    steps: 4,
    guidanceScale: 7.5,
    sampler: 'ddim',
    schedule: 'ddim_uniform',
    eta: 0,
    seed: 42,
    rng: 'cuda',
    count: 1,
    format: 'png',
  },
  createdAt: '2026-01-01T00:00:00.000Z',
  warnings: [],
} as const;

const phaseNames = ['provisioning', 'loading', 'encoding', 'denoising', 'decoding', 'uploading'];

/** A state's place in the job's life, as a server would number it: attempts outweigh phases. */
function revisionOf(attempt: number, phase: Phase): number {
  const step = phase.name === 'denoising' ? phase.step : 0;
  return attempt * 1000 + (phase.name === 'queued' ? 900 : 100 + phaseNames.indexOf(phase.name) * 10 + step);
}

export function queuedJob(position = 0, attempt = 0): Job {
  const phase = { name: 'queued', position } as const;
  return { ...base, warnings: [], attempt, revision: revisionOf(attempt, phase), status: 'queued', phase };
}

export function runningJob(phase: Phase, attempt = 1): Job {
  const revision = revisionOf(attempt, phase);
  return { ...base, revision, warnings: [], attempt, status: 'running', startedAt: '2026-01-01T00:00:01.000Z', phase };
}

export function denoisingJob(step: number, attempt = 1): Job {
  return runningJob({ name: 'denoising', image: 0, count: 1, step, steps: 4 }, attempt);
}

export const IMAGE_DATA = new TextEncoder().encode('not really a PNG');

export function jobImage(url = 'https://images.example/0.png?signature=secret', changes: Partial<JobImage> = {}) {
  return {
    index: 0,
    width: 64,
    height: 64,
    seed: 42,
    format: 'png',
    bytes: IMAGE_DATA.byteLength,
    sha256: createHash('sha256').update(IMAGE_DATA).digest('hex'),
    url,
    expiresAt: '2999-01-01T00:00:00.000Z',
    ...changes,
  } as const satisfies JobImage;
}

export function succeededJob(image: JobImage = jobImage()): SucceededJob {
  return {
    ...base,
    warnings: [],
    attempt: 1,
    revision: 90_000,
    status: 'succeeded',
    startedAt: '2026-01-01T00:00:01.000Z',
    finishedAt: '2026-01-01T00:00:02.000Z',
    images: [image],
    timings: { queueMs: 1, loadMs: 2, encodeMs: 3, denoiseMs: 4, decodeMs: 5, uploadMs: 6 },
    usage: { gpuSeconds: 1 },
  };
}

export function failedJob(): Job {
  const error = { code: 'out_of_memory', message: 'The GPU ran out of memory', isRetryable: false } as const;
  return {
    ...base,
    warnings: [],
    attempt: 3,
    revision: 90_000,
    status: 'failed',
    finishedAt: '2026-01-01T00:00:02.000Z',
    error,
  };
}

export function canceledJob(): Job {
  return {
    ...base,
    warnings: [],
    attempt: 1,
    revision: 90_000,
    status: 'canceled',
    finishedAt: '2026-01-01T00:00:02.000Z',
  };
}

/** What a test compares updates by. */
export function label(job: Job): string {
  if (!('phase' in job)) return job.status;
  return job.phase.name === 'denoising' ? `denoising ${job.phase.step}` : job.phase.name;
}
