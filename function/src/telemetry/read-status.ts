import type { Health, ModelInfo, UsageEntry, UsageInput } from '@safelight/sdk/contract';
import type { ServerStatus } from './describe-status.ts';
import { type SummarizedJob, summarizeJobs } from './summarize-jobs.ts';

const HOUR_MS = 60 * 60 * 1000;
const PAGE = 100;
/** Jobs that a summary is made of at most: more would only make it slower. */
const MAX_JOBS = 1000;

/** Jobs of one caller, newest first. */
export type ListJobs = (page: {
  limit: number;
  cursor?: string | undefined;
}) => Promise<{ jobs: SummarizedJob[]; nextCursor?: string | undefined }>;

/** What a status is read from: a server's own parts, or a client of one. */
export interface StatusSource {
  health(): Promise<Pick<Health, 'version' | 'defaultModel' | 'queued' | 'running'>>;
  models(): Promise<readonly Pick<ModelInfo, 'name'>[]>;
  list: ListJobs;
  usage(range: UsageInput): Promise<UsageEntry[]>;
}

export interface StatusOptions {
  /** How far to look back. */
  hours: number;
  /** Epoch milliseconds. */
  now: number;
}

/** Reads how a server is doing: its queue, and what became of the caller's jobs. */
export const readStatus = async (source: StatusSource, { hours, now }: StatusOptions): Promise<ServerStatus> => {
  const today = new Date(now).toISOString().slice(0, 10);
  const [{ version, defaultModel, queued, running }, models, recent, usage] = await Promise.all([
    source.health(),
    source.models(),
    readRecentJobs(source.list, { hours, now }),
    source.usage({ from: `${today.slice(0, 8)}01`, to: today }),
  ]);
  return {
    version,
    defaultModel,
    models: models.map(({ name }) => name),
    queued,
    running,
    recent: summarizeJobs(recent.jobs, { hours: recent.hours, now }),
    usage,
  };
};

/** The jobs of the last hours, or of as many hours as the latest 1,000 jobs cover. */
const readRecentJobs = async (list: ListJobs, { hours, now }: StatusOptions) => {
  const jobs: SummarizedJob[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await list(cursor === undefined ? { limit: PAGE } : { limit: PAGE, cursor });
    jobs.push(...page.jobs);
    const oldest = jobs.at(-1)?.createdAt ?? now;
    cursor = page.nextCursor;
    if (cursor === undefined || oldest <= now - hours * HOUR_MS) return { jobs, hours };
    if (jobs.length >= MAX_JOBS) return { jobs, hours: Math.max(now - oldest, 1) / HOUR_MS };
  }
};
