import type { GenerateSettings, JobStatus, JobUsage } from '@safelight/sdk/contract';
import type { JobRecord } from '../job-record.ts';
import type { RunSample } from '../job-store.ts';

/** A job as it lies in the jobs table. Attributes that are absent keep it out of the indexes that they are keys of. */
export interface JobItem {
  pk: string;
  id: string;
  owner: string;
  idempotencyKey: string;
  inputHash: string;
  /** JSON: DynamoDB would refuse some texts that JSON can write, such as half a surrogate pair. */
  settings: string;
  webhookUrl: string | null;
  createdAt: number;
  /** Epoch seconds: DynamoDB deletes the item some time after. */
  expiresAt: number;
  status: JobStatus;
  revision: number;
  attempt: number;
  chargedAttempts: number;
  cancelRequested: boolean;
  takeableAt: number | null;
  /** JSON of what is never searched for. */
  state: string;
  /** Of jobs that somebody has yet to work on, or to be told of the end of: the keys of the index by state. */
  queueState?: QueueState;
  queueOrder?: string;
  /** How often it was tried to announce the end. */
  webhookTries?: number;
  /** Of succeeded jobs: the keys of the indexes by bill and by model, and what these carry. */
  billedOwner?: string;
  billedOn?: string;
  /** JSON of a `JobBill`. */
  bill?: string;
  ranModel?: string;
  /** JSON of a `RunSample`. */
  run?: string;
}

/** `announcing`: finished, and its webhook is not delivered yet. */
export type QueueState = 'queued' | 'running' | 'announcing';

/** What one job used. */
export interface JobBill extends JobUsage {
  images: number;
}

type JobState = Pick<JobRecord, 'startedAt' | 'finishedAt' | 'phase' | 'result' | 'error'>;

/** The part of an item that transitions change. */
type ChangingItem = Omit<
  JobItem,
  'pk' | 'id' | 'owner' | 'idempotencyKey' | 'inputHash' | 'settings' | 'webhookUrl' | 'createdAt' | 'expiresAt'
>;

const SECONDS_PER_DAY = 86_400;
const TIME_DIGITS = 15;

export const jobPk = (id: string): string => `job#${id}`;
export const idOfPk = (pk: string): string => pk.slice(jobPk('').length);
/** Owners hold no `#`, so two owners' keys cannot meet. */
export const idempotencyPk = (owner: string, idempotencyKey: string): string => `key#${owner}#${idempotencyKey}`;
export const expiryOf = (createdAt: number, retentionDays: number): number =>
  Math.floor(createdAt / 1000) + retentionDays * SECONDS_PER_DAY;

/** A place in the index by state: first those that are due first. */
export const orderOf = (time: number, id: string): string => `${String(time).padStart(TIME_DIGITS, '0')}#${id}`;

/** Queued jobs by when they may be taken; running ones by age, so that a heartbeat does not write to the index. */
export const queueOrderOf = ({ status, takeableAt, id }: JobRecord): string =>
  status === 'queued' ? orderOf(takeableAt ?? 0, id) : id;

/** What changes in the item of a job, its place in the indexes included. */
export const toChangingItem = (job: JobRecord): ChangingItem => {
  const { status, revision, attempt, chargedAttempts, cancelRequested, takeableAt } = job;
  const { startedAt, finishedAt, phase, result, error } = job;
  const state = JSON.stringify({ startedAt, finishedAt, phase, result, error } satisfies JobState);
  const item = { status, revision, attempt, chargedAttempts, cancelRequested, takeableAt, state };
  if (status === 'queued' || status === 'running')
    return { ...item, queueState: status, queueOrder: queueOrderOf(job) };
  return { ...item, ...toAnnouncedItem(job), ...toBilledItem(job) };
};

// In the same breath as the end of the job, so that it is announced whatever becomes of its worker.
const toAnnouncedItem = ({ id, webhookUrl, finishedAt }: JobRecord): Partial<JobItem> =>
  webhookUrl === null ? {} : { queueState: 'announcing', queueOrder: orderOf(finishedAt ?? 0, id), webhookTries: 0 };

const toBilledItem = ({ id, owner, settings, finishedAt, result }: JobRecord): Partial<JobItem> => {
  if (result === null || finishedAt === null) return {};
  const { work, timings, usage } = result;
  return {
    billedOwner: owner,
    billedOn: `${new Date(finishedAt).toISOString()}#${id}`,
    bill: JSON.stringify({ ...usage, images: result.images.length } satisfies JobBill),
    ranModel: settings.model,
    run: JSON.stringify({ work, timings, usage } satisfies RunSample),
  };
};

/** Attributes that a finished job loses. */
export const QUEUE_ATTRIBUTES = ['queueState', 'queueOrder'] as const;

export const toItem = (job: JobRecord, expiresAt: number): JobItem => {
  const { id, owner, idempotencyKey, inputHash, webhookUrl, createdAt } = job;
  const settings = JSON.stringify(job.settings);
  const fixed = { pk: jobPk(id), id, owner, idempotencyKey, inputHash, settings, webhookUrl, createdAt, expiresAt };
  return { ...fixed, ...toChangingItem(job) };
};

export const fromItem = (item: JobItem): JobRecord => {
  const { id, owner, idempotencyKey, inputHash, createdAt, status, revision, attempt, chargedAttempts } = item;
  return {
    ...{ id, owner, idempotencyKey, inputHash, createdAt, status, revision, attempt, chargedAttempts },
    cancelRequested: item.cancelRequested,
    webhookUrl: item.webhookUrl,
    takeableAt: item.takeableAt,
    settings: JSON.parse(item.settings) as GenerateSettings,
    ...(JSON.parse(item.state) as JobState),
  };
};
