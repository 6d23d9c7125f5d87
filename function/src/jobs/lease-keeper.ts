import type { Phase } from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';
import type { JobMessage, JobQueue } from './job-queue.ts';
import type { JobHold } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import { describeError, type Logger } from './logger.ts';

/** Why a worker must stop working on a job. */
export type StopCause = 'canceled' | 'lease_lost' | 'stalled' | 'draining';

/** The reason of an aborted job. */
export class StopWork extends Error {
  override readonly name = 'StopWork';
  readonly stopCause: StopCause;
  constructor(stopCause: StopCause) {
    super(`The job was stopped: ${stopCause}`);
    this.stopCause = stopCause;
  }
}

export interface LeaseKeeperOptions {
  store: Pick<JobStore, 'heartbeat'>;
  queue: Pick<JobQueue, 'extend'>;
  message: JobMessage;
  hold: JobHold;
  leaseMs: number;
  /** How often the lease is extended; also the longest time in which a cancel goes unseen. */
  heartbeatMs: number;
  /** The shortest time between two writes, however fast phases follow each other. */
  phaseIntervalMs: number;
  /** An engine that reports nothing for this long is taken for stuck. */
  stallMs: number;
  now: () => number;
  logger: Logger;
}

/** Keeps a lease while its job is worked on. */
export interface LeaseKeeper {
  /** Aborts, with a `StopWork` as its reason, when the work must stop. */
  readonly signal: AbortSignal;
  /** Stores the phase, at once or with the next write. */
  report(phase: Phase): void;
  /** Stops the work from outside. */
  abort(cause: StopCause): void;
  /** Ends the heartbeat; afterwards nothing more is written. */
  stop(): Promise<void>;
}

/** Starts the heartbeat of a job just acquired. */
export const startLeaseKeeper = (options: LeaseKeeperOptions): LeaseKeeper => {
  const { store, queue, message, hold, leaseMs, heartbeatMs, phaseIntervalMs, stallMs, now, logger } = options;
  const controller = new AbortController();
  let phase: Phase | undefined;
  let lastBeatAt = now();
  let lastHeldAt = lastBeatAt;
  let lastReportAt = lastBeatAt;
  let isStopped = false;
  let nextBeatAt = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<void> | undefined;

  const abort = (cause: StopCause) => controller.abort(new StopWork(cause));

  const beat = async (): Promise<void> => {
    lastBeatAt = now();
    if (lastBeatAt - lastReportAt > stallMs) return abort('stalled');
    try {
      const result = await store.heartbeat(hold, { leaseMs, phase });
      if (result.outcome === 'lost') return abort('lease_lost');
      lastHeldAt = lastBeatAt;
      if (result.cancelRequested) abort('canceled');
      await queue.extend(message, Math.ceil(leaseMs / 1000));
    } catch (error) {
      logger('warn', 'heartbeat_failed', { jobId: hold.id, attempt: hold.attempt, ...describeError(error) });
      // A store that is briefly away is no reason to stop, unless others may have taken the job meanwhile.
      if (now() - lastHeldAt >= leaseMs) abort('lease_lost');
    }
  };

  const schedule = (at: number) => {
    if (isStopped || at >= nextBeatAt) return;
    clearTimeout(timer);
    nextBeatAt = at;
    timer = setTimeout(run, Math.max(0, at - now()));
  };
  const run = () => {
    const reported = phase;
    beating = beat().then(() => {
      beating = undefined;
      nextBeatAt = Number.POSITIVE_INFINITY;
      // After a lost lease or a stall the lease must run out; a canceled job is still ours to finish.
      const reason: unknown = controller.signal.reason;
      if (reason instanceof StopWork && (reason.stopCause === 'lease_lost' || reason.stopCause === 'stalled')) return;
      schedule(lastBeatAt + (phase === reported ? heartbeatMs : phaseIntervalMs));
    });
  };
  schedule(now() + heartbeatMs);

  return {
    signal: controller.signal,
    report(latest) {
      // A copy: the engine may reuse its object.
      phase = { ...latest };
      lastReportAt = now();
      if (beating === undefined) schedule(lastBeatAt + phaseIntervalMs);
    },
    abort,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await beating;
    },
  };
};

/** What a job that stalled too often fails with. */
export const stalledError = (): FunctionError =>
  new FunctionError('worker_lost', 'The worker made no progress and was stopped', { isRetryable: true });
