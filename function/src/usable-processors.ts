import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path/posix';

export interface ProcessorsOptions {
  /** Of a file of the system, its text; throws where it cannot be read. @defaultValue reads the file */
  readText?: (path: string) => string;
  /** Processors that the process may be scheduled on. @defaultValue those of its affinity mask */
  scheduled?: number;
}

/**
 * How many threads the process can keep busy: the processors that it may be scheduled on, and no more than its cgroup's
 * quota of processor time, as `docker run --cpus` and limits of Kubernetes set it. Threads beyond a quota use it up in
 * the first part of every period, and then all of them stand still.
 *
 * A broken quota is rounded down, to 1 at the least: so does libuv from 1.49 on, which is in newer versions of Node but not in 20,
 * and a thread that is stopped in the midst of its part keeps the others waiting, who spin on the quota meanwhile.
 *
 * Sources: Linux `Documentation/admin-guide/cgroup-v2.rst` (`cpu.max`), `Documentation/scheduler/sched-bwc.rst`.
 */
export function usableProcessors({
  readText = (path) => readFileSync(path, 'utf8'),
  scheduled = availableParallelism(),
}: ProcessorsOptions = {}): number {
  const read = (path: string): string | undefined => {
    try {
      return readText(path).trim();
    } catch {
      return undefined;
    }
  };
  const quotas = (read('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => quotasOf(line, read));
  return Math.max(1, Math.floor(Math.min(scheduled, ...quotas)));
}

type Read = (path: string) => string | undefined;

/** Processors' worth of time that a cgroup and those around it are given. @param line Of `/proc/self/cgroup`. */
function quotasOf(line: string, read: Read): number[] {
  const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
  if (controllers === undefined || path === undefined) return [];
  // The hierarchy of version 2 has no name.
  if (controllers === '') return folders('/sys/fs/cgroup', path).flatMap((folder) => quotaOfMax(folder, read));
  if (!controllers.split(',').includes('cpu')) return [];
  return folders(`/sys/fs/cgroup/${controllers}`, path).flatMap((folder) => quotaOfCfs(folder, read));
}

/** The folder and all above it up to the root, which is the container's own where the path names none of its folders. */
function folders(root: string, path: string): string[] {
  const folder = join('/', path);
  return folder === '/' ? [root] : [join(root, folder), ...folders(root, dirname(folder))];
}

/** `150000 100000`: microseconds of every so many, or `max`. */
function quotaOfMax(folder: string, read: Read): number[] {
  const [quota, period] = (read(join(folder, 'cpu.max')) ?? '').split(' ');
  return toProcessors(quota, period);
}

/** Version 1: a quota of -1 is none. */
function quotaOfCfs(folder: string, read: Read): number[] {
  return toProcessors(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us')));
}

function toProcessors(quota: string | undefined, period: string | undefined): number[] {
  const processors = Number(quota) / Number(period);
  return processors > 0 && Number.isFinite(processors) ? [processors] : [];
}
