import type { Job } from '@safelight/sdk/contract';
import type { JobRecord, StoredImage } from '../jobs/job-record.ts';
import type { WatchContext } from './api-context.ts';

const toIso = (time: number): string => new Date(time).toISOString();

/** Signs a picture's URL, for the caller at hand. */
export const signImage = async (
  context: WatchContext,
  image: StoredImage,
): Promise<{ url: string; expiresAt: string }> => {
  const { services, baseUrl } = context;
  const { url, expiresAt } = await services.objects.sign(image.key, {
    expiresInSeconds: services.urlSeconds,
    baseUrl,
  });
  return { url, expiresAt: toIso(expiresAt) };
};

const toImage = async (context: WatchContext, image: StoredImage) => {
  const { key: _, ...described } = image;
  return { ...described, ...(await signImage(context, image)) };
};

/** A job as its owner sees it now: with its place in the queue, and URLs signed afresh. */
export const toJob = async (context: WatchContext, record: JobRecord): Promise<Job> => {
  const { id, revision, settings, attempt, createdAt, startedAt, finishedAt, result, error } = record;
  const base = { id, revision, settings, attempt, createdAt: toIso(createdAt), warnings: result?.warnings ?? [] };
  const finished = { finishedAt: toIso(finishedAt ?? createdAt) };
  const started = { startedAt: toIso(startedAt ?? createdAt) };
  switch (record.status) {
    case 'queued': {
      const position = await context.services.store.queuePosition(record);
      return { ...base, status: 'queued', phase: { name: 'queued', position } };
    }
    case 'running':
      return { ...base, ...started, status: 'running', phase: record.phase ?? { name: 'provisioning' } };
    case 'succeeded': {
      if (result === null) throw new Error(`Job ${id} succeeded without a result`);
      const images = await Promise.all(result.images.map((image) => toImage(context, image)));
      const { timings, usage } = result;
      return { ...base, ...started, ...finished, status: 'succeeded', images, timings, usage };
    }
    case 'failed': {
      const unknown = { code: 'internal' as const, message: 'The job failed', isRetryable: false };
      return { ...base, ...finished, status: 'failed', error: error ?? unknown };
    }
    case 'canceled':
      return { ...base, ...finished, status: 'canceled' };
  }
};
