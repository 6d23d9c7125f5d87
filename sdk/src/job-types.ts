import type { GenerateSettings, Job, JobImage, Phase, SucceededJob, Timings, Warning } from './contract/index.ts';

/** A job that could not be done: `error` says why. */
export type FailedJob = Extract<Job, { status: 'failed' }>;
/** A job that somebody cancelled. */
export type CanceledJob = Extract<Job, { status: 'canceled' }>;
/** A job that will not change any more. */
export type FinishedJob = SucceededJob | FailedJob | CanceledJob;
/** A job on its way: `phase` says what it is doing. */
export type PendingJob = Extract<Job, { phase: Phase }>;

/** A picture together with the job it belongs to: what `images.arrayBuffer` and `images.blob` take. */
export type ResultImage = JobImage & { jobId: string };

/** What `generate` and `wait` resolve to. */
export interface GenerateResult {
  images: ResultImage[];
  /** Seed of the first image; image i has seed + i. */
  seed: number;
  /** Every choice made, the model's defaults included. Passing it to `generate` gives the same pictures. */
  settings: GenerateSettings;
  /** Things to know about the pictures, such as a prompt that was too long. */
  warnings: Warning[];
  timings: Timings;
  job: SucceededJob;
}

/** Whether the job has reached its final state. */
export function isFinished(job: Job): job is FinishedJob {
  return job.status === 'succeeded' || job.status === 'failed' || job.status === 'canceled';
}
