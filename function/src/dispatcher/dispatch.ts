import { describeError, type Logger } from '../jobs/logger.ts';
import {
  type Decision,
  type DispatchPolicy,
  decide,
  type LiveWorker,
  type WorkerFailure,
  type WorkerStart,
} from './decide.ts';
import type { FleetState, FleetStateStore, RecordedStart } from './fleet-state.ts';

/** The tasks of ECS. */
export interface TaskService {
  /** Workers and recent failures, and which of the wanted tasks ECS knows. */
  list(wanted: readonly string[]): Promise<TaskList>;
  /**
   * Asks for a worker, and returns its task's ARN. The same token never starts a second one.
   * @throws Error when ECS refuses.
   */
  start(start: WorkerStart, token: string): Promise<string>;
  stop(id: string): Promise<void>;
}

export interface TaskList {
  readonly workers: readonly LiveWorker[];
  readonly failures: readonly WorkerFailure[];
  /** ARNs of all tasks seen, stopped ones included. */
  readonly known: ReadonlySet<string>;
}

export interface Dispatcher {
  readonly policy: DispatchPolicy;
  readonly tasks: TaskService;
  readonly state: FleetStateStore;
  /** Messages that wait and messages in workers' hands. */
  countMessages(): Promise<{ waitingMessages: number; takenMessages: number }>;
  readonly logger: Logger;
  now(): number;
  newToken(): string;
}

/** A task asked for is listed after this time at the latest. */
const LISTED_AFTER_MS = 60_000;
/** ECS forgets stopped tasks after an hour, and so do we what it refused. */
const MEMORY_MS = 3_600_000;

/**
 * Looks at the queue and the tasks once, and starts the workers that are missing. Safe to run at the same time as
 * another: what will be started is written down before, and of two writers one gives way.
 *
 * @param waitingAtLeast what the caller knows to wait already: SQS counts a new message some seconds late.
 * @returns what was decided; undefined when another dispatcher was faster.
 */
export async function dispatch(dispatcher: Dispatcher, waitingAtLeast = 0): Promise<Decision | undefined> {
  const { policy, state, tasks, logger, now } = dispatcher;
  const before = await state.read();
  const ids = before.starts.flatMap(({ taskId }) => (taskId === undefined ? [] : [taskId]));
  const [messages, list] = await Promise.all([dispatcher.countMessages(), tasks.list(ids)]);
  const waitingMessages = Math.max(messages.waitingMessages, waitingAtLeast);
  const time = now();
  const unlisted = before.starts.filter((start) => isUnlisted(start, list, time));
  const refusals = before.refusals.filter(({ at }) => time - at < MEMORY_MS);
  const decision = decide(
    {
      now: time,
      waitingMessages,
      takenMessages: messages.takenMessages,
      workers: [...list.workers, ...unlisted.map(asWorker)],
      failures: [...list.failures, ...refusals],
      pausedUntil: before.pausedUntil,
    },
    policy,
  );
  const { starts, stops, reason } = decision;
  logger('info', 'decided', { reason, waitingMessages, workers: list.workers.length, starts: starts.length });
  if (starts.length + stops.length === 0) return decision;

  const planned = starts.map(({ capacity, keepsWarm }) => ({
    ...{ token: dispatcher.newToken(), capacity, keepsWarm, at: time },
  }));
  const after = { ...before, version: before.version + 1, starts: [...unlisted, ...planned], refusals };
  if (!(await state.replace(after))) {
    logger('info', 'another_was_faster');
    return undefined;
  }
  await Promise.all(stops.map((id) => stopLate(dispatcher, id)));
  await startAll(dispatcher, after, planned, starts);
  return decision;
}

const isUnlisted = (start: RecordedStart, list: TaskList, now: number): boolean =>
  now - start.at < LISTED_AFTER_MS && (start.taskId === undefined || !list.known.has(start.taskId));

const asWorker = ({ taskId, capacity, keepsWarm, at }: RecordedStart): LiveWorker => ({
  ...{ id: taskId, capacity, keepsWarm, stage: 'asked', askedAt: at },
});

async function stopLate({ tasks, logger }: Dispatcher, id: string): Promise<void> {
  logger('warn', 'worker_given_up', { taskId: id });
  // It may be gone already; if not, the next run finds it late again.
  await tasks.stop(id).catch((error: unknown) => logger('warn', 'stop_failed', describeError(error)));
}

/** Starts what was planned, and writes down what came of it. */
async function startAll(
  { tasks, state, logger, now }: Dispatcher,
  plan: FleetState,
  planned: readonly RecordedStart[],
  starts: readonly WorkerStart[],
): Promise<void> {
  const results = await Promise.allSettled(
    starts.map((start, index) => tasks.start(start, planned[index]?.token ?? '')),
  );
  const taskIds = new Map<string, string>();
  const refused = new Set<string>();
  const refusals: WorkerFailure[] = [];
  for (const [index, result] of results.entries()) {
    const start = planned[index];
    if (start === undefined) continue;
    const { token, capacity } = start;
    if (result.status === 'fulfilled') {
      taskIds.set(token, result.value);
      logger('info', 'worker_started', { taskId: result.value, capacity });
      continue;
    }
    refused.add(token);
    refusals.push({ kind: 'never-ran', capacity, at: now() });
    logger('error', 'worker_start_refused', { capacity, ...describeError(result.reason) });
  }
  const recorded = plan.starts
    .filter(({ token }) => !refused.has(token))
    .map((start) => ({ ...start, ...withTaskId(taskIds.get(start.token)) }));
  await state.replace({
    ...plan,
    version: plan.version + 1,
    starts: recorded,
    refusals: [...plan.refusals, ...refusals],
  });
}

const withTaskId = (taskId: string | undefined) => (taskId === undefined ? {} : { taskId });
