import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Capacity,
  type Decision,
  type DispatchPolicy,
  decide,
  type Fleet,
  type LiveWorker,
  type WorkerFailure,
} from '../../../function/src/dispatcher/decide.ts';

const NOW = 1_800_000_000_000;
const ago = (seconds: number) => NOW - seconds * 1000;

const POLICY: DispatchPolicy = {
  maxWorkers: 4,
  messagesPerWorker: 20,
  capacities: 'spot-then-on-demand',
  spotPatienceSeconds: 180,
  spotRetrySeconds: 900,
  startTimeoutSeconds: 600,
  idleSeconds: 120,
  keepWarmSeconds: 0,
};
const EMPTY: Fleet = { now: NOW, waitingMessages: 0, takenMessages: 0, workers: [], failures: [], pausedUntil: 0 };

const running = (worker: Partial<LiveWorker> = {}): LiveWorker => ({
  ...{ id: 'task-1', capacity: 'spot', stage: 'running', keepsWarm: false, askedAt: ago(900) },
  ...worker,
});
const starting = (seconds: number, worker: Partial<LiveWorker> = {}): LiveWorker =>
  running({ stage: 'asked', askedAt: ago(seconds), ...worker });
const failed = (kind: WorkerFailure['kind'], seconds: number, capacity: Capacity = 'spot'): WorkerFailure => ({
  ...{ kind, capacity, at: ago(seconds) },
});

interface Case {
  name: string;
  fleet: Partial<Fleet>;
  policy?: Partial<DispatchPolicy>;
  /** Capacities of the workers to start. */
  starts: Capacity[];
  stops?: string[];
  reason: Decision['reason'];
}

const waiting = { waitingMessages: 1 };

const CASES: Case[] = [
  { name: 'nothing waits: nothing starts', fleet: {}, starts: [], reason: 'nothing-waits' },
  { name: 'one message wakes one worker, on spot', fleet: waiting, starts: ['spot'], reason: 'starting' },
  {
    name: 'a worker that starts is enough for a few messages',
    fleet: { waitingMessages: 20, workers: [starting(30)] },
    ...{ starts: [], reason: 'enough-workers' },
  },
  {
    name: 'a worker that runs is enough for a few messages',
    fleet: { waitingMessages: 5, takenMessages: 1, workers: [running()] },
    ...{ starts: [], reason: 'enough-workers' },
  },
  {
    name: 'work in hand counts: 20 waiting and 1 taken are too many for one',
    fleet: { waitingMessages: 20, takenMessages: 1, workers: [running()] },
    ...{ starts: ['spot'], reason: 'starting' },
  },
  {
    name: 'all work in hand: nothing starts, however much it is',
    fleet: { takenMessages: 50, workers: [running()] },
    ...{ starts: [], reason: 'nothing-waits' },
  },
  {
    name: 'a burst starts several at once',
    fleet: { waitingMessages: 45 },
    ...{ starts: ['spot', 'spot', 'spot'], reason: 'starting' },
  },
  {
    name: 'a large burst starts no more than allowed',
    fleet: { waitingMessages: 10_000 },
    ...{ starts: ['spot', 'spot', 'spot', 'spot'], reason: 'starting' },
  },
  {
    name: 'at the limit nothing more starts',
    fleet: { waitingMessages: 10_000, workers: [running(), running(), starting(10), starting(10)] },
    ...{ starts: [], reason: 'at-the-limit' },
  },
  {
    name: 'more workers than the limit, after it was lowered, are left alone',
    fleet: { waitingMessages: 10_000, workers: [running(), running()] },
    policy: { maxWorkers: 1 },
    ...{ starts: [], reason: 'at-the-limit' },
  },
  {
    name: 'no workers allowed: none starts',
    fleet: waiting,
    policy: { maxWorkers: 0 },
    ...{ starts: [], reason: 'at-the-limit' },
  },
  {
    name: 'spot is given its time',
    fleet: { ...waiting, workers: [starting(179)] },
    ...{ starts: [], reason: 'enough-workers' },
  },
  {
    name: 'spot gave nothing in its time: given up, on-demand instead',
    fleet: { ...waiting, workers: [starting(180)] },
    ...{ starts: ['on-demand'], stops: ['task-1'], reason: 'starting' },
  },
  {
    name: 'a spot machine that came is given the time to fetch the image',
    fleet: { ...waiting, workers: [starting(599, { stage: 'placed' })] },
    ...{ starts: [], reason: 'enough-workers' },
  },
  {
    name: 'an image that does not come is given up, on spot too',
    fleet: { ...waiting, workers: [starting(600, { stage: 'placed' })] },
    ...{ starts: ['on-demand'], stops: ['task-1'], reason: 'starting' },
  },
  {
    name: 'a worker that runs is never given up',
    fleet: { ...waiting, workers: [running({ askedAt: ago(90_000) })] },
    ...{ starts: [], reason: 'enough-workers' },
  },
  {
    name: 'a late start whose id is not known yet cannot be stopped, and is replaced',
    fleet: { ...waiting, workers: [starting(180, { id: undefined })] },
    ...{ starts: ['on-demand'], reason: 'starting' },
  },
  {
    name: 'a late start for which nothing waits any more is given up, and not replaced',
    fleet: { workers: [starting(200)] },
    ...{ starts: [], stops: ['task-1'], reason: 'nothing-waits' },
  },
  {
    name: 'after spot failed, on-demand is asked at once',
    fleet: { ...waiting, failures: [failed('never-ran', 60)] },
    ...{ starts: ['on-demand'], reason: 'starting' },
  },
  {
    name: 'spot is tried again after its rest',
    fleet: { ...waiting, failures: [failed('never-ran', 900)] },
    ...{ starts: ['spot'], reason: 'starting' },
  },
  {
    name: 'an interrupted worker is replaced on spot at once',
    fleet: { ...waiting, failures: [failed('interrupted', 1)] },
    ...{ starts: ['spot'], reason: 'starting' },
  },
  {
    name: 'interrupted again and again: on-demand',
    fleet: { ...waiting, failures: [1, 200, 400].map((seconds) => failed('interrupted', seconds)) },
    ...{ starts: ['on-demand'], reason: 'starting' },
  },
  {
    name: 'on-demand has more time than spot',
    fleet: { ...waiting, workers: [starting(599, { capacity: 'on-demand' })] },
    ...{ starts: [], reason: 'enough-workers' },
  },
  {
    name: 'on-demand gave nothing either: given up, and a pause',
    fleet: {
      ...waiting,
      workers: [starting(600, { capacity: 'on-demand' })],
      failures: [failed('never-ran', 700)],
    },
    ...{ starts: [], stops: ['task-1'], reason: 'backing-off' },
  },
  {
    name: 'spot only: never on-demand, and spot has the longer time',
    fleet: { ...waiting, workers: [starting(300)], failures: [failed('interrupted', 1)] },
    policy: { capacities: 'spot-only' },
    ...{ starts: [], reason: 'enough-workers' },
  },
  {
    name: 'spot only: after a failed start a pause, then spot again',
    fleet: { ...waiting, failures: [failed('never-ran', 31)] },
    policy: { capacities: 'spot-only' },
    ...{ starts: ['spot'], reason: 'starting' },
  },
  {
    name: 'on-demand only: never spot',
    fleet: waiting,
    policy: { capacities: 'on-demand-only' },
    ...{ starts: ['on-demand'], reason: 'starting' },
  },
  {
    name: 'a crash pauses starts for half a minute',
    fleet: { ...waiting, failures: [failed('crashed', 29)] },
    ...{ starts: [], reason: 'backing-off' },
  },
  {
    name: 'and no longer',
    fleet: { ...waiting, failures: [failed('crashed', 30)] },
    ...{ starts: ['spot'], reason: 'starting' },
  },
  {
    name: 'the pause doubles: four minutes after the fourth crash',
    fleet: { ...waiting, failures: [239, 400, 600, 800].map((seconds) => failed('crashed', seconds)) },
    ...{ starts: [], reason: 'backing-off' },
  },
  {
    name: 'and ends after those four minutes',
    fleet: { ...waiting, failures: [240, 400, 600, 800].map((seconds) => failed('crashed', seconds)) },
    ...{ starts: ['spot'], reason: 'starting' },
  },
  {
    name: 'the pause is never longer than half an hour',
    fleet: { ...waiting, failures: Array.from({ length: 20 }, (_, n) => failed('crashed', 1800 + 60 * n)) },
    ...{ starts: ['spot'], reason: 'starting' },
  },
  {
    name: 'workers that crash together count once',
    fleet: { ...waiting, failures: Array.from({ length: 4 }, () => failed('crashed', 31)) },
    ...{ starts: ['spot'], reason: 'starting' },
  },
  {
    name: 'an image that cannot be fetched is met with on-demand, then with pauses',
    fleet: { ...waiting, failures: [failed('never-ran', 40), failed('never-ran', 20, 'on-demand')] },
    ...{ starts: [], reason: 'backing-off' },
  },
  {
    name: 'paused: nothing starts, and what is late is still given up',
    fleet: { ...waiting, workers: [starting(300)], pausedUntil: NOW + 1 },
    ...{ starts: [], stops: ['task-1'], reason: 'paused' },
  },
  {
    name: 'the pause is over',
    fleet: { ...waiting, pausedUntil: NOW },
    ...{ starts: ['spot'], reason: 'starting' },
  },
];

describe('decide', () => {
  for (const { name, fleet, policy, starts, stops = [], reason } of CASES)
    it(name, () => {
      const decision = decide({ ...EMPTY, ...fleet }, { ...POLICY, ...policy });
      assert.deepEqual(
        { starts: decision.starts.map(({ capacity }) => capacity), stops: decision.stops, reason: decision.reason },
        { starts, stops, reason },
      );
    });

  it('lets one worker stay longer, if wished, and no second', () => {
    const policy = { ...POLICY, keepWarmSeconds: 1800 };
    const { starts } = decide({ ...EMPTY, waitingMessages: 30 }, policy);
    assert.deepEqual(
      starts.map(({ keepsWarm, idleSeconds }) => [keepsWarm, idleSeconds]),
      [
        [true, 1800],
        [false, 120],
      ],
    );
    const second = decide({ ...EMPTY, waitingMessages: 30, workers: [starting(10, { keepsWarm: true })] }, policy);
    assert.deepEqual(
      second.starts.map(({ keepsWarm, idleSeconds }) => [keepsWarm, idleSeconds]),
      [[false, 120]],
    );
  });

  it('does not let the warm worker leave before the others', () => {
    const { starts } = decide({ ...EMPTY, ...waiting }, { ...POLICY, keepWarmSeconds: 60 });
    assert.equal(starts[0]?.idleSeconds, 120);
  });

  it('never starts more than the limit, whatever it sees', () => {
    for (let waitingMessages = 0; waitingMessages < 200; waitingMessages += 7)
      for (let count = 0; count < 7; count++) {
        const workers = Array.from({ length: count }, (_, n) => (n % 2 ? running() : starting(n * 100)));
        const { starts, stops } = decide({ ...EMPTY, waitingMessages, workers }, POLICY);
        assert.ok(starts.length === 0 || count - stops.length + starts.length <= POLICY.maxWorkers);
      }
  });
});
