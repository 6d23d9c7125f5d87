import type { UsageEntry } from '@safelight/sdk/contract';
import type { JobSummary } from './summarize-jobs.ts';

/** How a server is doing. */
export interface ServerStatus {
  version: string;
  defaultModel: string;
  models: string[];
  /** Jobs that wait, whoever's they are. */
  queued: number;
  /** Jobs in work, whoever's they are: drawn, or drawn and being stored. */
  running: number;
  /** The caller's own jobs. */
  recent: JobSummary;
  /** What the caller used in this month, by day. */
  usage: UsageEntry[];
}

/** A status in words: lines of a name and a value, and a table of stages with its heading first. */
export interface StatusText {
  lines: [name: string, value: string][];
  phases: [phase: string, jobs: string, p50: string, p95: string][];
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)} s`;

const describeUsage = (usage: readonly UsageEntry[]): string => {
  const sum = (read: (entry: UsageEntry) => number) => usage.reduce((total, entry) => total + read(entry), 0);
  const currencies = [...new Set(usage.map(({ price }) => price?.currency).filter((code) => code !== undefined))];
  const prices = currencies.map((currency) => {
    const amount = sum(({ price }) => (price?.currency === currency ? price.amount : 0));
    return `, ${amount.toFixed(2)} ${currency}`;
  });
  const work = `${plural(
    sum(({ jobs }) => jobs),
    'job',
  )}, ${plural(
    sum(({ images }) => images),
    'picture',
  )}`;
  return `${work}, ${sum(({ gpuSeconds }) => gpuSeconds).toFixed(1)} s of work${prices.join('')}`;
};

/** Says it for people, in a terminal or on a page. */
export const describeStatus = (status: ServerStatus): StatusText => {
  const { jobs, pictures, hours, lastHour, failures, phases } = status.recent;
  const lines: StatusText['lines'] = [
    ['Version', status.version],
    ['Models', status.models.map((name) => (name === status.defaultModel ? `${name} (default)` : name)).join(', ')],
    ['Queue', `${status.queued} waiting, ${status.running} running`],
    ['Last hour', `${plural(lastHour.jobs, 'job')}, ${plural(lastHour.pictures, 'picture')}`],
    [
      `Last ${plural(Number(hours.toFixed(1)), 'hour')}`,
      `${plural(jobs.succeeded, 'job')}, ${plural(pictures, 'picture')}; ${jobs.failed} failed, ${jobs.canceled} canceled`,
    ],
  ];
  if (failures.length > 0)
    lines.push(['Failures', failures.map(({ code, jobs: count }) => `${code} ${count}`).join(', ')]);
  lines.push(['This month', describeUsage(status.usage)]);
  return {
    lines,
    phases: [
      ['Phase', 'Jobs', 'p50', 'p95'],
      ...phases.map(({ phase, jobs: count, p50Ms, p95Ms }): StatusText['phases'][number] => {
        return [phase, String(count), seconds(p50Ms), seconds(p95Ms)];
      }),
    ],
  };
};
