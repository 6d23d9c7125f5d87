import type { UsageEntry } from '@safelight/sdk/contract';
import type { JobStore } from '../job-store.ts';
import { readRuns } from '../read-runs.ts';
import type { JobDatabase } from './database.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

interface UsageRow {
  day: string;
  currency: string | null;
  jobs: number;
  images: number;
  gpu_seconds: number;
  amount: number | null;
}

// The expressions and conditions are those of the indexes in database.ts, letter by letter.
const USAGE = `
  SELECT date(json_extract(state, '$.finishedAt') / 1000, 'unixepoch') AS day,
    json_extract(state, '$.result.usage.price.currency') AS currency,
    count(*) AS jobs,
    sum(json_array_length(state, '$.result.images')) AS images,
    sum(json_extract(state, '$.result.usage.gpuSeconds')) AS gpu_seconds,
    sum(json_extract(state, '$.result.usage.price.amount')) AS amount
  FROM jobs
  WHERE owner = ? AND status = 'succeeded'
    AND json_extract(state, '$.finishedAt') >= ? AND json_extract(state, '$.finishedAt') < ?
  GROUP BY day, currency ORDER BY day, currency`;

const RECENT_RUNS = `
  SELECT json_extract(state, '$.result') AS result FROM jobs
  WHERE json_extract(settings, '$.model') = ? AND status = 'succeeded'
  ORDER BY json_extract(state, '$.finishedAt') DESC LIMIT ?`;

const toEntry = (row: UsageRow, owner: string): UsageEntry => ({
  day: row.day,
  key: owner,
  jobs: row.jobs,
  images: row.images,
  gpuSeconds: row.gpu_seconds,
  ...(row.currency === null ? {} : { price: { amount: row.amount ?? 0, currency: row.currency } }),
});

/** What finished jobs took, read from their records. */
export const createLocalUsage = (database: JobDatabase): Pick<JobStore, 'usage' | 'recentRuns'> => {
  const usage = database.prepare(USAGE);
  const recentRuns = database.prepare(RECENT_RUNS);
  return {
    async usage({ owner, from, to }) {
      const rows = usage.all(owner, Date.parse(from), Date.parse(to) + DAY_MS) as UsageRow[];
      return rows.map((row) => toEntry(row, owner));
    },
    async recentRuns(model, limit) {
      const rows = recentRuns.all(model, limit) as { result: string }[];
      return readRuns(rows.map(({ result }) => result));
    },
  };
};
