import type { GenerateSettings, JobStatus } from '@safelight/sdk/contract';
import type { JobRecord } from '../job-record.ts';

/** A row of the table `jobs`. */
export interface JobRow {
  id: string;
  owner: string;
  idempotency_key: string;
  input_hash: string;
  settings: string;
  created_at: number;
  status: JobStatus;
  revision: number;
  attempt: number;
  charged_attempts: number;
  cancel_requested: number;
  takeable_at: number | null;
  /** JSON of what is never searched for. */
  state: string;
  webhook_url: string | null;
}

type JobState = Pick<JobRecord, 'startedAt' | 'finishedAt' | 'phase' | 'result' | 'error'>;

export const fromRow = (row: JobRow): JobRecord => ({
  id: row.id,
  owner: row.owner,
  idempotencyKey: row.idempotency_key,
  inputHash: row.input_hash,
  settings: JSON.parse(row.settings) as GenerateSettings,
  webhookUrl: row.webhook_url,
  createdAt: row.created_at,
  status: row.status,
  revision: row.revision,
  attempt: row.attempt,
  chargedAttempts: row.charged_attempts,
  cancelRequested: row.cancel_requested === 1,
  takeableAt: row.takeable_at,
  ...(JSON.parse(row.state) as JobState),
});

const stateOf = ({ startedAt, finishedAt, phase, result, error }: JobRecord): string =>
  JSON.stringify({ startedAt, finishedAt, phase, result, error } satisfies JobState);

/** Parameters of `INSERT_JOB`. */
export const toInsertValues = (job: JobRecord): (string | number | null)[] => [
  job.id,
  job.owner,
  job.idempotencyKey,
  job.inputHash,
  JSON.stringify(job.settings),
  job.createdAt,
  job.status,
  job.revision,
  job.attempt,
  job.chargedAttempts,
  job.cancelRequested ? 1 : 0,
  job.takeableAt,
  stateOf(job),
  job.webhookUrl,
];
export const INSERT_JOB = 'INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** Parameters of `UPDATE_JOB`: only what can change, so that progress does not rewrite the settings. */
export const toUpdateValues = (job: JobRecord): (string | number | null)[] => [
  job.status,
  job.revision,
  job.attempt,
  job.chargedAttempts,
  job.cancelRequested ? 1 : 0,
  job.takeableAt,
  stateOf(job),
  job.id,
];
export const UPDATE_JOB =
  'UPDATE jobs SET status = ?, revision = ?, attempt = ?, charged_attempts = ?, cancel_requested = ?, takeable_at = ?, state = ? WHERE id = ?';
