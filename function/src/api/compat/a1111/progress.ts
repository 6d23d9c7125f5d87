import type { Job, Phase } from '@safelight/sdk/contract';
import type { Session } from './sessions.ts';

interface Steps {
  image: number;
  count: number;
  step: number;
  steps: number;
}

const stepsOf = ({ settings }: Job, phase: Phase): Steps => {
  const { count, steps } = settings;
  switch (phase.name) {
    case 'denoising':
      return phase;
    case 'decoding':
      return { image: phase.image, count, step: steps, steps };
    case 'uploading':
      return { image: count - 1, count, step: steps, steps };
    default:
      return { image: 0, count, step: 0, steps };
  }
};

const IDLE = {
  skipped: false,
  interrupted: false,
  stopping_generation: false,
  job: '',
  job_count: 0,
  job_timestamp: '0',
  job_no: 0,
  sampling_step: 0,
  sampling_steps: 0,
};

/** `20260131235959`, UTC. */
export const toTimestamp = (time: number): string => new Date(time).toISOString().replaceAll(/[-:T]|\..*/g, '');

/** The caller's job that is in work, or comes next. */
export const currentJob = ({ jobs }: Session): Job | undefined => {
  const waiting = [...jobs.values()];
  return waiting.find(({ status }) => status === 'running') ?? waiting[0];
};

/** How far the caller's job is: the one in work, or the next. There are no previews. */
export const toProgress = (session: Session, now: number) => {
  const job = currentJob(session);
  if (job === undefined || !('phase' in job))
    return { progress: 0, eta_relative: 0, state: IDLE, current_image: null, textinfo: null };
  const { image, count, step, steps } = stepsOf(job, job.phase);
  const progress = Math.min((image + step / steps) / count, 1);
  const seconds = 'startedAt' in job ? (now - Date.parse(job.startedAt)) / 1000 : 0;
  const state = {
    ...IDLE,
    job: job.id,
    job_count: count,
    job_timestamp: toTimestamp(Date.parse(job.createdAt)),
    job_no: image,
    sampling_step: step,
    sampling_steps: steps,
  };
  return {
    progress,
    eta_relative: progress === 0 ? 0 : seconds / progress - seconds,
    state,
    current_image: null,
    textinfo: job.phase.name,
  };
};
