import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { LiveWorker, WorkerStart } from '../../../function/src/dispatcher/decide.ts';
import { type Dispatcher, dispatch, type TaskList } from '../../../function/src/dispatcher/dispatch.ts';
import type { FleetState } from '../../../function/src/dispatcher/fleet-state.ts';
import type { LogFields } from '../../../function/src/jobs/logger.ts';

const POLICY = {
  maxWorkers: 3,
  messagesPerWorker: 20,
  capacities: 'spot-then-on-demand',
  spotPatienceSeconds: 180,
  spotRetrySeconds: 900,
  startTimeoutSeconds: 600,
  idleSeconds: 120,
  keepWarmSeconds: 0,
} as const;

let now: number;
let stored: FleetState;
let list: TaskList;
let messages: { waitingMessages: number; takenMessages: number };
let started: (WorkerStart & { token: string })[];
let stopped: string[];
let refusal: Error | undefined;
let events: [string, LogFields][];
let dispatcher: Dispatcher;

beforeEach(() => {
  now = 1_800_000_000_000;
  stored = { version: 0, starts: [], refusals: [], pausedUntil: 0 };
  list = { workers: [], failures: [], known: new Set() };
  messages = { waitingMessages: 1, takenMessages: 0 };
  started = [];
  stopped = [];
  refusal = undefined;
  events = [];
  let tokens = 0;
  dispatcher = {
    policy: POLICY,
    state: {
      read: async () => stored,
      async replace(state) {
        if (state.version !== stored.version + 1) return false;
        stored = state;
        return true;
      },
    },
    tasks: {
      list: async () => list,
      async start(start, token) {
        if (refusal !== undefined) throw refusal;
        started.push({ ...start, token });
        return `task-${started.length}`;
      },
      async stop(id) {
        stopped.push(id);
      },
    },
    countMessages: async () => messages,
    logger: (_level, event, fields = {}) => events.push([event, fields]),
    now: () => now,
    newToken: () => `token-${++tokens}`,
  };
});

const listed = (worker: Partial<LiveWorker> = {}): LiveWorker => ({
  ...{ id: 'task-1', capacity: 'spot', stage: 'asked', keepsWarm: false, askedAt: now },
  ...worker,
});

describe('dispatch', () => {
  it('starts a worker and remembers its task', async () => {
    await dispatch(dispatcher);
    assert.deepEqual(
      started.map(({ capacity, token }) => [capacity, token]),
      [['spot', 'token-1']],
    );
    assert.equal(stored.starts[0]?.taskId, 'task-1');
  });

  it('counts a start that ECS does not list yet', async () => {
    await dispatch(dispatcher);
    now += 59_000;
    const decision = await dispatch(dispatcher);
    assert.equal(decision?.reason, 'enough-workers');
    assert.equal(started.length, 1);
  });

  it('counts a listed start once', async () => {
    messages = { waitingMessages: 21, takenMessages: 0 };
    await dispatch(dispatcher);
    assert.equal(started.length, 2);
    list = { ...list, workers: [listed(), listed({ id: 'task-2' })], known: new Set(['task-1', 'task-2']) };
    messages = { waitingMessages: 41, takenMessages: 0 };
    await dispatch(dispatcher);
    assert.equal(started.length, 3);
  });

  it('believes ECS after a minute: a start it never listed is made again', async () => {
    await dispatch(dispatcher);
    now += 60_000;
    await dispatch(dispatcher);
    assert.equal(started.length, 2);
  });

  it('does not replace a task that was listed, and has ended, by its own note', async () => {
    await dispatch(dispatcher);
    list = { ...list, known: new Set(['task-1']) };
    await dispatch(dispatcher);
    assert.equal(started.length, 2, 'the ended worker is not counted as starting');
  });

  it('writes down what it will start before it starts it', async () => {
    dispatcher = {
      ...dispatcher,
      tasks: { ...dispatcher.tasks, start: async () => assert.fail('killed') as never },
    };
    const replace = dispatcher.state.replace;
    let writes = 0;
    dispatcher = {
      ...dispatcher,
      state: { ...dispatcher.state, replace: async (state) => (++writes > 1 ? false : replace(state)) },
    };
    await dispatch(dispatcher);
    assert.deepEqual(
      stored.starts.map(({ token, taskId }) => [token, taskId]),
      [['token-1', undefined]],
    );
    // The next one takes the note for a worker under way.
    assert.equal((await dispatch(dispatcher))?.reason, 'enough-workers');
  });

  it('of two at the same time one starts the worker', async () => {
    const decisions = await Promise.all([dispatch(dispatcher), dispatch(dispatcher)]);
    assert.equal(started.length, 1);
    assert.equal(decisions.filter((decision) => decision === undefined).length, 1);
  });

  it('asks on-demand after spot refused, then waits', async () => {
    refusal = new Error('ECS started no task: RESOURCE:GPU');
    await dispatch(dispatcher);
    assert.deepEqual([stored.starts, stored.refusals.map(({ capacity }) => capacity)], [[], ['spot']]);
    await dispatch(dispatcher);
    assert.deepEqual(
      stored.refusals.map(({ capacity }) => capacity),
      ['spot', 'on-demand'],
    );
    assert.equal((await dispatch(dispatcher))?.reason, 'backing-off');
    const refused = events.filter(([event]) => event === 'worker_start_refused');
    assert.deepEqual(
      refused.map(([, { capacity }]) => capacity),
      ['spot', 'on-demand'],
    );
    refusal = undefined;
    now += 30_000;
    await dispatch(dispatcher);
    assert.deepEqual(
      started.map(({ capacity }) => capacity),
      ['on-demand'],
    );
  });

  it('forgets refusals after an hour', async () => {
    stored = { ...stored, refusals: [{ kind: 'never-ran', capacity: 'spot', at: now - 3_600_000 }] };
    await dispatch(dispatcher);
    assert.deepEqual(stored.refusals, []);
  });

  it('gives up a late spot worker and starts one on demand', async () => {
    list = { ...list, workers: [listed({ askedAt: now - 180_000 })], known: new Set(['task-1']) };
    await dispatch(dispatcher);
    assert.deepEqual([stopped, started.map(({ capacity }) => capacity)], [['task-1'], ['on-demand']]);
  });

  it('starts the replacement though the late task is gone already', async () => {
    list = { ...list, workers: [listed({ askedAt: now - 180_000 })], known: new Set(['task-1']) };
    const stop = async () => {
      throw new Error('The referenced task was not found');
    };
    await dispatch({ ...dispatcher, tasks: { ...dispatcher.tasks, stop } });
    assert.equal(started.length, 1);
  });

  it('believes its caller that jobs wait, though SQS does not count them yet', async () => {
    messages = { waitingMessages: 0, takenMessages: 0 };
    assert.equal((await dispatch(dispatcher))?.reason, 'nothing-waits');
    assert.equal((await dispatch(dispatcher, 1))?.reason, 'starting');
  });

  it('writes nothing when there is nothing to do', async () => {
    messages = { waitingMessages: 0, takenMessages: 0 };
    await dispatch(dispatcher);
    assert.equal(stored.version, 0);
  });

  it('starts nothing while paused', async () => {
    stored = { ...stored, pausedUntil: now + 1000 };
    assert.equal((await dispatch(dispatcher))?.reason, 'paused');
    assert.equal(started.length, 0);
  });
});
