import type { JobRecord } from '../../jobs/job-record.ts';
import type { StatusSource } from '../../telemetry/read-status.ts';
import type { SummarizedJob } from '../../telemetry/summarize-jobs.ts';
import type { ApiServices } from '../api-context.ts';

/** A server's own parts, as one caller sees them. */
export const createLocalStatus = (
  { store, engine, version }: Pick<ApiServices, 'store' | 'engine' | 'version'>,
  owner: string,
): StatusSource => ({
  health: async () => ({ version, defaultModel: engine.defaultModel, ...(await store.counts()) }),
  models: async () => engine.models(),
  async list(page) {
    const { jobs, nextCursor } = await store.list({ ...page, owner });
    return { jobs: jobs.map(toSummarized), nextCursor };
  },
  usage: ({ from, to }) => store.usage({ owner, from, to }),
});

const toSummarized = ({ status, createdAt, finishedAt, result, error }: JobRecord): SummarizedJob => ({
  status,
  createdAt,
  finishedAt,
  pictures: result?.images.length ?? 0,
  timings: result?.timings,
  errorCode: error?.code,
});
