import type { WebhookEvent } from '@safelight/sdk/contract';
import type { JobRecord } from '../jobs/job-record.ts';

/**
 * What is announced of a finished job: its id and how it ended.
 * @returns `undefined` for a job on its way.
 */
export const toWebhookEvent = ({ id, status, finishedAt }: JobRecord): WebhookEvent | undefined => {
  if (status === 'queued' || status === 'running') return undefined;
  return { type: `job.${status}`, timestamp: new Date(finishedAt ?? 0).toISOString(), data: { jobId: id } };
};
