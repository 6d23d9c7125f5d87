import type { Job } from '../contract/index.ts';
import { isFinished, type PendingJob } from '../job-types.ts';

/**
 * Lets through only what is news. Stream and polls may see a job through different replicas, so a state can arrive
 * twice, or after a later one.
 *
 * @returns a function that says whether a state is newer than all it has let through before.
 */
export function createUpdateFilter(): (job: Job) => boolean {
  let latest: Job | undefined;
  return (job) => {
    const before = latest;
    if (before !== undefined && !isLater(job, before)) return false;
    latest = job;
    // A worker's sign of life is a revision, too, but shows nothing new.
    return before === undefined || view(job) !== view(before);
  };
}

function isLater(job: Job, latest: Job): boolean {
  if (isFinished(latest)) return false;
  if (isFinished(job) || job.revision > latest.revision) return true;
  // Other jobs left the queue: that is no change of this one.
  return job.revision === latest.revision && positionOf(job) < positionOf(latest);
}

const positionOf = (job: PendingJob): number => (job.phase.name === 'queued' ? job.phase.position : 0);

/** What a caller sees change. */
const view = (job: Job): string => JSON.stringify([job.status, job.attempt, 'phase' in job && job.phase]);
