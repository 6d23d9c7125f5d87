import type { JobStatus, Timings } from '@safelight/sdk/contract';

const HOUR_MS = 60 * 60 * 1000;

/** What a summary takes of a job. Times are epoch milliseconds. */
export interface SummarizedJob {
  status: JobStatus;
  createdAt: number;
  /** Null while it waits or runs. */
  finishedAt: number | null;
  /** Pictures made. */
  pictures: number;
  /** Where the time of a job that succeeded went. */
  timings?: Timings | undefined;
  /** Why a job failed. */
  errorCode?: string | undefined;
}

/** Stages of a job in their order, by the field of its timings. */
export const PHASES = ['queue', 'boot', 'download', 'load', 'encode', 'denoise', 'decode', 'upload'] as const;
export type PhaseName = (typeof PHASES)[number];

/** How long one stage took, over those jobs that had it. */
export interface PhaseSummary {
  phase: PhaseName;
  jobs: number;
  /** The median, in milliseconds. */
  p50Ms: number;
  /** What 95 of 100 jobs did not exceed, in milliseconds. */
  p95Ms: number;
}

/** What became of the jobs of some hours. */
export interface JobSummary {
  /** The time that the summary is about, up to now; less than asked for where there were too many jobs. */
  hours: number;
  jobs: Record<JobStatus, number>;
  /** Made by the jobs that succeeded. */
  pictures: number;
  jobsPerHour: number;
  picturesPerHour: number;
  lastHour: { jobs: number; pictures: number };
  /** Codes of failed jobs, the most frequent first. */
  failures: { code: string; jobs: number }[];
  /** Boot, download and load count where they happened: over cold starts alone. */
  phases: PhaseSummary[];
}

/** Milliseconds that a job spent in a stage; `undefined` where it had none. */
export const phaseMs = (timings: Timings, phase: PhaseName): number | undefined => {
  const ms = timings[`${phase}Ms`];
  return phase === 'load' && ms === 0 ? undefined : ms;
};

/** The smallest value that this part of all does not exceed: nearest rank. */
const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;

const summarizePhase = (phase: PhaseName, timings: readonly Timings[]): PhaseSummary => {
  const sorted = timings
    .map((entry) => phaseMs(entry, phase))
    .filter((ms) => ms !== undefined)
    .sort((a, b) => a - b);
  return { phase, jobs: sorted.length, p50Ms: percentile(sorted, 0.5), p95Ms: percentile(sorted, 0.95) };
};

/** Sums up the jobs that were submitted in the last `hours`; earlier ones are left out. */
export const summarizeJobs = (
  all: readonly SummarizedJob[],
  { hours, now }: { hours: number; now: number },
): JobSummary => {
  const recent = all.filter(({ createdAt }) => createdAt > now - hours * HOUR_MS);
  const jobs: JobSummary['jobs'] = { queued: 0, running: 0, succeeded: 0, failed: 0, canceled: 0 };
  const codes = new Map<string, number>();
  for (const { status, errorCode } of recent) {
    jobs[status] += 1;
    if (errorCode !== undefined) codes.set(errorCode, (codes.get(errorCode) ?? 0) + 1);
  }
  const done = recent.filter(({ status }) => status === 'succeeded');
  const picturesOf = (some: readonly SummarizedJob[]) => some.reduce((sum, { pictures }) => sum + pictures, 0);
  const lastHour = done.filter(({ finishedAt }) => (finishedAt ?? 0) > now - HOUR_MS);
  const timings = done.map((job) => job.timings).filter((entry) => entry !== undefined);
  const pictures = picturesOf(done);
  return {
    hours,
    jobs,
    pictures,
    jobsPerHour: done.length / hours,
    picturesPerHour: pictures / hours,
    lastHour: { jobs: lastHour.length, pictures: picturesOf(lastHour) },
    failures: [...codes].map(([code, count]) => ({ code, jobs: count })).sort((a, b) => b.jobs - a.jobs),
    phases: PHASES.map((phase) => summarizePhase(phase, timings)).filter((phase) => phase.jobs > 0),
  };
};
