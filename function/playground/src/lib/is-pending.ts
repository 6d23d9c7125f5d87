import type { Job, PendingJob } from '@safelight/sdk';

/** Whether the job is still on its way. */
export const isPending = (job: Job): job is PendingJob => job.status === 'queued' || job.status === 'running';
