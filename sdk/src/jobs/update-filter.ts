import type { Job, Phase } from '../contract.ts';
import { isFinished } from '../job-types.ts';

/** Phases in the order a worker goes through them. Images may be denoised and decoded in turn or all together. */
const phaseRanks: Record<Phase['name'], number> = {
  queued: 0,
  provisioning: 1,
  loading: 2,
  encoding: 3,
  denoising: 4,
  decoding: 4,
  uploading: 5,
};

/**
 * Lets through only what is news. Stream and polls may see a job through different replicas, so a state can arrive
 * twice, or after a later one.
 *
 * @returns a function that says whether a state is newer than all it has let through before.
 */
export function createUpdateFilter(): (job: Job) => boolean {
  let latest: Job | undefined;
  /** The attempt that was last seen running: a job that waits after that was handed back. */
  let lastRun = -1;

  return (job) => {
    if (latest !== undefined && !isNewer(job, latest, lastRun)) return false;
    latest = job;
    if (job.status === 'running') lastRun = job.attempt;
    return true;
  };
}

function isNewer(job: Job, latest: Job, lastRun: number): boolean {
  if (isFinished(latest)) return false;
  if (isFinished(job)) return true;
  if (job.attempt !== latest.attempt) return job.attempt > latest.attempt;
  // The attempt counts how often a worker took the job: waiting again under the same number means it was handed back.
  if (job.status !== latest.status) return job.status === 'queued' || lastRun < job.attempt;
  return isPhaseNewer(job.phase, latest.phase);
}

function isPhaseNewer(phase: Phase, latest: Phase): boolean {
  const rank = phaseRanks[phase.name] - phaseRanks[latest.name];
  if (rank !== 0) return rank > 0;
  if (phase.name === 'queued' && latest.name === 'queued') return phase.position !== latest.position;
  if (phase.name === 'loading' && latest.name === 'loading') {
    return phase.totalBytes !== latest.totalBytes || phase.loadedBytes > latest.loadedBytes;
  }
  if ('image' in phase && 'image' in latest) return isImageNewer(phase, latest);
  return false;
}

type ImagePhase = Extract<Phase, { image: number }>;

function isImageNewer(phase: ImagePhase, latest: ImagePhase): boolean {
  if (phase.name === 'denoising' && latest.name === 'denoising') {
    return phase.image === latest.image ? phase.step > latest.step : phase.image > latest.image;
  }
  if (phase.name === latest.name) return phase.image > latest.image;
  // To denoising: the next image's turn. To decoding: this image is done, or all are and it starts from the first.
  return phase.name === 'decoding' || phase.image > latest.image;
}
