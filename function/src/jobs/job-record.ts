import type {
  GenerateSettings,
  ImageFormat,
  JobError,
  JobStatus,
  JobUsage,
  Phase,
  Safety,
  Timings,
  Warning,
} from '@safelight/sdk/contract';
import type { Work } from '../work.ts';

/** A stored picture of a finished job. No URL: those are signed when the job is read. */
export interface StoredImage {
  index: number;
  width: number;
  height: number;
  seed: number;
  format: ImageFormat;
  bytes: number;
  sha256: string;
  /** Absent where the model has no safety checker. */
  safety?: Safety;
  /** Key in the object store. */
  key: string;
}

export interface JobResult {
  images: StoredImage[];
  warnings: Warning[];
  /** What was asked for. */
  work: Work;
  timings: Timings;
  usage: JobUsage;
}

/** A job as it is stored. Times are epoch milliseconds. */
export interface JobRecord {
  readonly id: string;
  /** Whose API key submitted it: nobody else sees it. */
  readonly owner: string;
  readonly idempotencyKey: string;
  /** SHA-256 of the input: tells a repeated call from a key used twice. */
  readonly inputHash: string;
  readonly settings: GenerateSettings;
  /** Where to announce the job's end, if anywhere. */
  readonly webhookUrl: string | null;
  readonly createdAt: number;
  status: JobStatus;
  /** Grows with every write: clients tell later states from earlier ones by it. */
  revision: number;
  /** The fencing number: grows each time a worker takes the job, and every write of a worker must name it. */
  attempt: number;
  /** Attempts that count against the limit: those that a drained worker handed back do not. */
  chargedAttempts: number;
  cancelRequested: boolean;
  /** When a worker may take it: queued, after the back-off; running, after the lease. Null once finished. */
  takeableAt: number | null;
  startedAt: number | null;
  finishedAt: number | null;
  phase: Phase | null;
  result: JobResult | null;
  error: JobError | null;
}

/** One attempt at one job: what a worker holds. */
export interface JobHold {
  readonly id: string;
  readonly attempt: number;
}

export interface NewJob {
  owner: string;
  idempotencyKey: string;
  inputHash: string;
  settings: GenerateSettings;
  webhookUrl: string | null;
}

/** A job just submitted. */
export const createJobRecord = (job: NewJob, id: string, now: number): JobRecord => ({
  ...job,
  id,
  createdAt: now,
  status: 'queued',
  revision: 1,
  attempt: 0,
  chargedAttempts: 0,
  cancelRequested: false,
  takeableAt: now,
  startedAt: null,
  finishedAt: null,
  phase: null,
  result: null,
  error: null,
});

/** Whether nothing will change any more. */
export const isFinished = (job: { status: JobStatus }): boolean =>
  job.status === 'succeeded' || job.status === 'failed' || job.status === 'canceled';
