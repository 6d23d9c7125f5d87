import {
  type Capacity,
  type DispatchPolicy,
  decide,
  type LiveWorker,
  type WorkerFailure,
} from '../../../function/src/dispatcher/decide.ts';
import type { Assumptions, Span } from './assumptions.ts';
import { EventQueue } from './event-queue.ts';
import { exponential, seededRandom } from './random.ts';

export interface SimulateParams {
  /** When jobs of one picture come, in seconds, in order. */
  readonly arrivals: readonly number[];
  readonly policy: DispatchPolicy;
  readonly assumptions: Assumptions;
  readonly seed: number;
}

export interface Simulated {
  /** From submitting a job to its picture, in seconds; as many as jobs. */
  readonly latencies: readonly number[];
  readonly usd: number;
  readonly workersStarted: number;
  readonly interruptions: number;
  readonly mostWorkers: number;
  readonly paidSeconds: Readonly<Record<Capacity, number>>;
}

interface SimulatedWorker {
  readonly id: string;
  readonly capacity: Capacity;
  readonly keepsWarm: boolean;
  readonly idleSeconds: number;
  readonly askedAt: number;
  launchedAt: number | undefined;
  stage: LiveWorker['stage'];
  isReady: boolean;
  isGone: boolean;
  /** When the job in hand was submitted. */
  job: number | undefined;
  /** Grows with each job, so that a timer of an earlier one is told apart. */
  turn: number;
}

type Of<Kind extends string, Fields = object> = Kind extends string ? { kind: Kind } & Fields : never;
type Event =
  | Of<'arrival' | 'tick'>
  | Of<'launched' | 'placed' | 'running' | 'ready' | 'interrupted', { worker: SimulatedWorker }>
  | Of<'finished' | 'bored', { worker: SimulatedWorker; turn: number }>;

const TICK_SECONDS = 60;
const HOUR = 3600;

/**
 * Runs the deployment in a model of time: jobs arrive, the real dispatcher decides at each and once a minute, machines
 * come, or do not, and are taken back. One job is one picture.
 */
export function simulate({ arrivals, policy, assumptions, seed }: SimulateParams): Simulated {
  const random = seededRandom(seed);
  const events = new EventQueue<Event>();
  const waiting: number[] = [];
  const latencies: number[] = [];
  const workers = new Set<SimulatedWorker>();
  const paidSeconds: Record<Capacity, number> = { spot: 0, 'on-demand': 0 };
  let failures: WorkerFailure[] = [];
  let now = 0;
  let workersStarted = 0;
  let interruptions = 0;
  let mostWorkers = 0;
  /** First of the waiting jobs: cheaper than moving them all. */
  let head = 0;

  const within = ([shortest, longest]: Span): number => shortest + random() * (longest - shortest);
  const after = (seconds: number, event: Event) => {
    if (Number.isFinite(seconds)) events.add(now + seconds, event);
  };

  const start = (capacity: Capacity, keepsWarm: boolean, idleSeconds: number) => {
    const state = {
      launchedAt: undefined,
      stage: 'asked' as const,
      isReady: false,
      isGone: false,
      job: undefined,
      turn: 0,
    };
    const worker: SimulatedWorker = {
      id: `worker-${++workersStarted}`,
      capacity,
      keepsWarm,
      idleSeconds,
      askedAt: now,
      ...state,
    };
    workers.add(worker);
    mostWorkers = Math.max(mostWorkers, workers.size);
    const isMissing = capacity === 'spot' && random() < assumptions.spotMissing;
    if (!isMissing) after(within(assumptions.provision), { kind: 'launched', worker });
  };

  const end = (worker: SimulatedWorker) => {
    worker.isGone = true;
    workers.delete(worker);
    if (worker.launchedAt === undefined) return;
    // EC2 charges a minute at least.
    paidSeconds[worker.capacity] += Math.max(60, now - worker.launchedAt + assumptions.scaleInSeconds);
  };
  const fail = (worker: SimulatedWorker, kind: WorkerFailure['kind']) => {
    failures.push({ kind, capacity: worker.capacity, at: now * 1000 });
    end(worker);
  };

  /** The next job, or waiting for one. */
  const work = (worker: SimulatedWorker) => {
    const turn = ++worker.turn;
    worker.job = waiting[head];
    if (worker.job === undefined) return after(worker.idleSeconds, { kind: 'bored', worker, turn });
    head++;
    after(within(assumptions.image), { kind: 'finished', worker, turn });
  };

  const dispatch = () => {
    failures = failures.filter(({ at }) => now * 1000 - at < HOUR * 1000);
    const busy = [...workers].filter(({ job }) => job !== undefined).length;
    const { starts, stops } = decide(
      {
        now: now * 1000,
        waitingMessages: waiting.length - head,
        takenMessages: busy,
        workers: [...workers].map((worker) => ({ ...worker, askedAt: worker.askedAt * 1000 })),
        failures,
        pausedUntil: 0,
      },
      policy,
    );
    for (const worker of [...workers]) if (stops.includes(worker.id)) fail(worker, 'never-ran');
    for (const { capacity, keepsWarm, idleSeconds } of starts) start(capacity, keepsWarm, idleSeconds);
  };

  const happen: { [Kind in Event['kind']]: (event: Extract<Event, { kind: Kind }>) => void } = {
    arrival() {
      waiting.push(now);
      const free = [...workers].find(({ isReady, job }) => isReady && job === undefined);
      if (free !== undefined) work(free);
      dispatch();
    },
    tick() {
      dispatch();
      if (latencies.length < arrivals.length) after(TICK_SECONDS, { kind: 'tick' });
    },
    launched({ worker }) {
      worker.launchedAt = now;
      after(within(assumptions.boot), { kind: 'placed', worker });
      if (worker.capacity === 'spot')
        after(exponential(random, assumptions.interruptionsPerHour / HOUR), { kind: 'interrupted', worker });
    },
    placed({ worker }) {
      worker.stage = 'placed';
      after(within(assumptions.pull), { kind: 'running', worker });
    },
    running({ worker }) {
      worker.stage = 'running';
      after(within(assumptions.load), { kind: 'ready', worker });
    },
    ready({ worker }) {
      worker.isReady = true;
      work(worker);
    },
    finished({ worker, turn }) {
      if (turn !== worker.turn || worker.job === undefined) return;
      latencies.push(now - worker.job);
      work(worker);
    },
    bored({ worker, turn }) {
      if (turn === worker.turn) end(worker);
    },
    interrupted({ worker }) {
      interruptions++;
      // It hands its job back at the next step; the job is the oldest, so it comes first.
      if (worker.job !== undefined) waiting[--head] = worker.job;
      fail(worker, worker.stage === 'running' ? 'interrupted' : 'never-ran');
    },
  };

  for (const at of arrivals) events.add(at, { kind: 'arrival' });
  events.add(0, { kind: 'tick' });
  for (let next = events.next(); next !== undefined; next = events.next()) {
    if ('worker' in next.event && next.event.worker.isGone) continue;
    now = next.at;
    (happen[next.event.kind] as (event: Event) => void)(next.event);
  }
  const usd = (['spot', 'on-demand'] as const).reduce(
    (sum, capacity) => sum + (paidSeconds[capacity] / HOUR) * assumptions.perHour[capacity],
    0,
  );
  return { latencies, usd, workersStarted, interruptions, mostWorkers, paidSeconds };
}
