/** Where a worker's machine comes from. */
export type Capacity = 'spot' | 'on-demand';

/** A worker that runs, or was asked for and has not stopped. Times are epoch milliseconds. */
export interface LiveWorker {
  /** The task's ARN; undefined while a start is not listed yet. */
  readonly id: string | undefined;
  readonly capacity: Capacity;
  /** It was `asked` for, was `placed` on a machine that fetches its image, or is `running`. */
  readonly stage: 'asked' | 'placed' | 'running';
  /** Whether it is the one that stays longer when there is nothing to do. */
  readonly keepsWarm: boolean;
  readonly askedAt: number;
}

/**
 * How a worker ended before its time: it `never-ran` (no machine, or no image), was `interrupted` (its spot machine was
 * taken back) or `crashed`.
 */
export interface WorkerFailure {
  readonly kind: 'never-ran' | 'interrupted' | 'crashed';
  readonly capacity: Capacity;
  readonly at: number;
}

/** What the dispatcher sees. */
export interface Fleet {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Messages no worker has taken. */
  readonly waitingMessages: number;
  /** Messages a worker holds. */
  readonly takenMessages: number;
  readonly workers: readonly LiveWorker[];
  /** Failures of the last hour, in any order. */
  readonly failures: readonly WorkerFailure[];
  /** No worker starts before this time; 0 when nobody paused them. */
  readonly pausedUntil: number;
}

/** How many workers there should be, and where they come from. */
export interface DispatchPolicy {
  readonly maxWorkers: number;
  /** A further worker starts for each this many messages. */
  readonly messagesPerWorker: number;
  readonly capacities: 'spot-then-on-demand' | 'spot-only' | 'on-demand-only';
  /** How long spot may take to give a machine, booted, before on-demand is asked. */
  readonly spotPatienceSeconds: number;
  /** How long on-demand is asked before spot is tried again. */
  readonly spotRetrySeconds: number;
  /** How long any worker may take until it runs, image included, before it is given up. */
  readonly startTimeoutSeconds: number;
  /** How long a worker without a job stays. */
  readonly idleSeconds: number;
  /** How long one worker without a job stays, so that the next picture needs no cold start; 0 for no such worker. */
  readonly keepWarmSeconds: number;
}

export interface WorkerStart {
  readonly capacity: Capacity;
  readonly keepsWarm: boolean;
  /** How long it stays without a job. */
  readonly idleSeconds: number;
}

export interface Decision {
  readonly starts: readonly WorkerStart[];
  /** Workers to stop: they have not come in time. A worker that runs is never stopped: it leaves by itself. */
  readonly stops: readonly string[];
  readonly reason: 'nothing-waits' | 'enough-workers' | 'at-the-limit' | 'paused' | 'backing-off' | 'starting';
}

/** This many interruptions within the retry time mean that spot has no machines to spare. */
const MANY_INTERRUPTIONS = 3;
/** Pause after the first failure that is not spot's; it doubles with each further one. */
const FIRST_PAUSE_SECONDS = 30;
const MAX_PAUSE_SECONDS = 1800;

/**
 * Decides which workers to start and which to give up. Pure: the same fleet gives the same decision. Spot is asked first;
 * when it gives nothing for `spotPatienceSeconds`, on-demand is asked for `spotRetrySeconds`. Workers that crash, or whose
 * image cannot be fetched, are started ever more rarely, so that a broken deployment costs little.
 */
export function decide(fleet: Fleet, policy: DispatchPolicy): Decision {
  const late = fleet.workers.filter((worker) => isLate(worker, fleet.now, policy));
  const stops = late.flatMap(({ id }) => (id === undefined ? [] : [id]));
  const workers = fleet.workers.filter((worker) => !late.includes(worker));
  // A start given up now is a failure already, though the list of stopped tasks does not show it yet.
  const givenUp = late.map(({ capacity }): WorkerFailure => ({ kind: 'never-ran', capacity, at: fleet.now }));
  const failures = [...fleet.failures, ...givenUp];
  const none = (reason: Decision['reason']): Decision => ({ starts: [], stops, reason });

  if (fleet.waitingMessages === 0) return none('nothing-waits');
  if (fleet.now < fleet.pausedUntil) return none('paused');
  const useful = Math.ceil((fleet.waitingMessages + fleet.takenMessages) / policy.messagesPerWorker);
  const missing = Math.min(useful, policy.maxWorkers) - workers.length;
  if (missing <= 0) return none(useful > policy.maxWorkers ? 'at-the-limit' : 'enough-workers');

  const capacity = chooseCapacity(failures, fleet.now, policy);
  if (fleet.now < pauseEnd(failures, capacity, policy)) return none('backing-off');
  const isWarm = policy.keepWarmSeconds > 0 && !workers.some(({ keepsWarm }) => keepsWarm);
  const starts = Array.from({ length: missing }, (_, index): WorkerStart => {
    const keepsWarm = isWarm && index === 0;
    const idleSeconds = keepsWarm ? Math.max(policy.idleSeconds, policy.keepWarmSeconds) : policy.idleSeconds;
    return { capacity, keepsWarm, idleSeconds };
  });
  return { starts, stops, reason: 'starting' };
}

function isLate(worker: LiveWorker, now: number, policy: DispatchPolicy): boolean {
  const { stage, capacity, askedAt } = worker;
  if (stage === 'running') return false;
  const isReplaceable = capacity === 'spot' && policy.capacities === 'spot-then-on-demand';
  const seconds = isReplaceable && stage === 'asked' ? policy.spotPatienceSeconds : policy.startTimeoutSeconds;
  return now - askedAt >= seconds * 1000;
}

function chooseCapacity(failures: readonly WorkerFailure[], now: number, policy: DispatchPolicy): Capacity {
  if (policy.capacities === 'spot-only') return 'spot';
  if (policy.capacities === 'on-demand-only') return 'on-demand';
  const recent = failures.filter(
    ({ capacity, at }) => capacity === 'spot' && now - at < policy.spotRetrySeconds * 1000,
  );
  const interruptions = recent.filter(({ kind }) => kind === 'interrupted').length;
  const isSpotShort = interruptions >= MANY_INTERRUPTIONS || recent.some(({ kind }) => kind === 'never-ran');
  return isSpotShort ? 'on-demand' : 'spot';
}

/** When a worker may be started again: after crashes of any, and after starts of this capacity that came to nothing. */
function pauseEnd(failures: readonly WorkerFailure[], capacity: Capacity, policy: DispatchPolicy): number {
  // Where spot may be replaced, a spot start that came to nothing is answered by asking on-demand, not by waiting.
  const isReplaceable = capacity === 'spot' && policy.capacities === 'spot-then-on-demand';
  const isFault = ({ kind, capacity: failed }: WorkerFailure) =>
    kind === 'crashed' || (kind === 'never-ran' && failed === capacity && !isReplaceable);
  const times = coincident(failures.filter(isFault).map(({ at }) => at));
  const last = times.at(-1);
  if (last === undefined) return 0;
  return last + Math.min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (times.length - 1)) * 1000;
}

/** Ten workers that fail together are one failure. */
function coincident(times: readonly number[]): number[] {
  const kept: number[] = [];
  for (const time of times.toSorted((a, b) => a - b)) {
    const previous = kept.at(-1);
    if (previous === undefined || time - previous >= FIRST_PAUSE_SECONDS * 1000) kept.push(time);
  }
  return kept;
}
