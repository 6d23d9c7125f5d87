import type { Job } from '@safelight/sdk';
import { describePhase } from './describe-phase.ts';
import { isPending } from './is-pending.ts';

/** Where a job stands, in a few words. */
export function stateOf(job: Job): string {
  if (isPending(job)) return describePhase(job.phase).title;
  if (job.status === 'succeeded') return 'Done';
  return job.status === 'failed' ? 'Failed' : 'Cancelled';
}
