/**
 * A Safelight server in memory, behind a network and gateways that do everything wrong that they can: requests and
 * answers get lost, late, cut, repeated, garbled and refused. Time is the clock's.
 */
import type { Job } from '@safelight/sdk/contract';
import type { Clock } from '../../../sdk/src/timing/clock.ts';
import { failure, success } from './fake-fetch.ts';
import { canceledJob, failedJob, IMAGE_DATA, jobImage, queuedJob, runningJob, succeededJob } from './jobs.ts';

export interface FaultyServerOptions {
  clock: Clock;
  random: () => number;
  /** How likely a request meets a fault, 0 to 1. */
  faultRate: number;
  /** Faults in a row for one call and procedure; then one gets through, so that retries must succeed. */
  maxFaultsInRow: number;
}

/** What the prompt of a call asks the server to do. */
export type Scenario = 'succeed' | 'fail' | 'refuse' | 'unauthorized' | 'patience' | 'wrong-types';

/** What the server knows of one call, by its idempotency key. */
export interface ServedJob {
  id: string;
  prompt: string;
  createdAt: number;
  states: { at: number; job: Job }[];
  canceledAt: number | undefined;
  /** Requests by procedure. */
  requests: Record<string, number>;
}

const encoder = new TextEncoder();
const PAGE = '<html><body>502 Bad Gateway</body></html>';

export function createFaultyServer({ clock, random, faultRate, maxFaultsInRow }: FaultyServerOptions) {
  const jobs = new Map<string, ServedJob>();
  /** Jobs made per idempotency key: never more than one. */
  const keys = new Map<string, string>();
  const faultsInRow = new Map<string, number>();
  const submissions = new Map<string, Set<string>>();
  let requestCount = 0;

  const pick = <T>(...choices: readonly [T, ...T[]]): T => choices[Math.floor(random() * choices.length)] ?? choices[0];
  const upTo = (ms: number) => random() * ms;

  /** The job's whole life, as it will be unless it is cancelled. */
  const planStates = (id: string, prompt: string): ServedJob['states'] => {
    let at = clock.now();
    const named = (job: Job, revision: number): Job => ({ ...job, id, revision });
    const life: Job[] = [queuedJob(2), queuedJob(1), runningJob({ name: 'provisioning' })];
    life.push(runningJob({ name: 'encoding' }));
    for (let step = 1; step <= 4; step++) {
      life.push(runningJob({ name: 'denoising', image: 0, count: 1, step, steps: 4 }));
    }
    const image = jobImage(`https://storage.example/${id}?expires=${clock.now() + 4000}`);
    life.push(prompt.startsWith('fail') ? failedJob() : succeededJob(image));
    return life.map((job, index) => {
      const state = { at, job: named(job, index + 1) };
      at += upTo(1500);
      return state;
    });
  };

  const stateOf = ({ id, states, canceledAt }: ServedJob, now = clock.now()): Job => {
    const past = states.filter(({ at }) => at <= Math.min(now, canceledAt ?? now));
    const latest = past.at(-1)?.job ?? states[0]?.job;
    if (latest === undefined) throw new Error('A job without states');
    if (canceledAt === undefined || !('phase' in latest)) return latest;
    return { ...canceledJob(), id, revision: latest.revision + 1 };
  };

  const submit = (input: { idempotencyKey: string; prompt: string }): Response => {
    const { idempotencyKey, prompt } = input;
    const seen = submissions.get(prompt) ?? new Set();
    submissions.set(prompt, seen.add(idempotencyKey));
    if (prompt.startsWith('refuse')) return failure(400, { code: 'invalid_input', field: 'width' });
    if (prompt.startsWith('unauthorized')) return failure(401, { code: 'unauthorized' });
    if (prompt.startsWith('patience'))
      return failure(429, { code: 'rate_limited', isRetryable: true, retryAfterSeconds: 3600 });
    const id = keys.get(idempotencyKey) ?? `job${String(keys.size).padStart(20, '0')}`;
    if (!keys.has(idempotencyKey)) {
      keys.set(idempotencyKey, id);
      const states = planStates(id, prompt);
      jobs.set(id, { id, prompt, createdAt: clock.now(), states, canceledAt: undefined, requests: {} });
    }
    const job = jobs.get(id);
    if (job === undefined) throw new Error('A key without its job');
    return success(prompt.startsWith('wrong-types') ? { ...stateOf(job), revision: 'one' } : stateOf(job));
  };

  const requireJob = (id: string): ServedJob => {
    const job = jobs.get(id);
    if (job === undefined) throw new Error('The client asks for a job that does not exist');
    return job;
  };

  const answer = (path: string, input: Record<string, string>): Response => {
    if (path === 'jobs.submit') return submit(input as { idempotencyKey: string; prompt: string });
    const job = requireJob(input.jobId ?? '');
    job.requests[path] = (job.requests[path] ?? 0) + 1;
    if (path === 'jobs.cancel') job.canceledAt ??= clock.now();
    if (path !== 'images.sign') return success(stateOf(job));
    const expires = clock.now() + 900_000;
    return success({
      url: `https://storage.example/${job.id}?expires=${expires}`,
      expiresAt: new Date(expires).toISOString(),
    });
  };

  const download = (url: URL): Response => {
    const hasExpired = Number(url.searchParams.get('expires')) < clock.now();
    return hasExpired ? new Response('<Error>Request has expired</Error>', { status: 403 }) : new Response(IMAGE_DATA);
  };

  /**
   * What follows a state on the wire: old news, garbage, an error, silence, or a sudden end.
   * @returns whether the stream goes on.
   */
  const disturb = (controller: ReadableStreamDefaultController<Uint8Array>, seen: readonly Job[]): boolean => {
    const send = (text: string) => controller.enqueue(encoder.encode(text));
    const end = (how: () => void) => {
      how();
      return false;
    };
    const disturbances: [upTo: number, disturb: () => boolean | undefined][] = [
      [0.04, () => end(() => controller.error(new TypeError('terminated')))],
      [0.08, () => end(() => controller.close())],
      [0.09, () => false],
      [0.11, () => void send('data: {"id":\n\n')],
      [0.13, () => void send('event: serialized-error\ndata: {"message":"x","data":{"httpStatus":503}}\n\n')],
      [0.3, () => void send('event: ping\ndata: \n\n')],
      [0.5, () => void send(`data: ${JSON.stringify(pick(...(seen as [Job, ...Job[]])))}\n\n`)],
    ];
    const chance = random();
    return disturbances.find(([upTo]) => chance < upTo)?.[1]() ?? true;
  };

  /** The job's states as server-sent events, disturbed in every way. */
  const watch = (job: ServedJob, signal: AbortSignal): Response => {
    let stop = () => {};
    const seen: Job[] = [];
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        signal.addEventListener('abort', () => {
          stop();
          controller.error(signal.reason);
        });
        const step = () => {
          const state = stateOf(job);
          seen.push(state);
          controller.enqueue(encoder.encode(`data: ${JSON.stringify(state)}\n\n`));
          if (!('phase' in state)) return controller.close();
          if (disturb(controller, seen)) stop = clock.startTimer(50 + upTo(900), step);
        };
        step();
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };

  const reset = () =>
    new TypeError('fetch failed', { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) });

  /** The answer, but only half of it. */
  const cut = async (response: Response, isReset: boolean): Promise<Response> => {
    const bytes = new Uint8Array(await response.arrayBuffer());
    const half = bytes.slice(0, Math.floor(bytes.length / 2));
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(half),
      pull: (controller) => (isReset ? controller.error(new TypeError('terminated')) : controller.close()),
    });
    return new Response(body, { status: response.status });
  };

  const busy = (status: number): Response => {
    const date = new Date(clock.now()).toUTCString();
    const later = new Date(clock.now() + 2000).toUTCString();
    const headers = pick<Record<string, string>>(
      {},
      { 'retry-after': '0' },
      { 'retry-after': '1' },
      { 'retry-after': later, date },
    );
    const isOurs = random() < 0.5;
    return isOurs
      ? failure(status, { code: status === 429 ? 'rate_limited' : 'unavailable', isRetryable: true }, headers)
      : new Response(PAGE, { status, headers });
  };

  /** One fault: some before the server hears of the request, some after it did the work. */
  const misbehave = async (serve: () => Response, hang: () => Promise<never>): Promise<Response> => {
    const fault = Math.floor(random() * 8);
    if (fault === 0) throw reset();
    if (fault === 1) return busy(429);
    if (fault === 2) return busy(pick(500, 502, 503, 504));
    if (fault === 3) return hang();
    const response = serve();
    if (fault === 4) throw reset();
    if (fault === 5) return hang();
    return cut(response, fault === 6);
  };

  const handle = async (url: URL, init: RequestInit, signal: AbortSignal): Promise<Response> => {
    requestCount++;
    const path = url.pathname.replace('/trpc/', '');
    const input = JSON.parse(typeof init.body === 'string' ? init.body : (url.searchParams.get('input') ?? '{}'));
    const subject = `${path} ${input.prompt ?? input.jobId ?? ''}`;
    const inRow = faultsInRow.get(subject) ?? 0;
    const hang = () => new Promise<never>(() => undefined);
    const serve = () => {
      if (url.host === 'storage.example') return download(url);
      return path === 'jobs.watch' ? watch(requireJob(input.jobId), signal) : answer(path, input);
    };
    const isFaulty = path !== 'jobs.watch' && random() < faultRate && inRow < maxFaultsInRow;
    if (isFaulty) {
      faultsInRow.set(subject, inRow + 1);
      return misbehave(serve, hang);
    }
    const response = serve();
    // An expired URL is no success either.
    if (response.ok) faultsInRow.delete(subject);
    return response;
  };

  const faultyFetch = (target: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const signal = init.signal ?? new AbortController().signal;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const stop = clock.startTimer(upTo(80), () =>
        handle(new URL(String(target)), init, signal).then(resolve, reject),
      );
      const onAbort = () => {
        // What has left may arrive all the same.
        if (random() < 0.5) stop();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  };

  return {
    fetch: faultyFetch as typeof fetch,
    jobs,
    stateOf,
    /** The idempotency keys that came with a prompt. */
    keysOf: (prompt: string) => submissions.get(prompt) ?? new Set<string>(),
    jobsOf: (prompt: string) => [...jobs.values()].filter((job) => job.prompt === prompt),
    requestCount: () => requestCount,
  };
}
