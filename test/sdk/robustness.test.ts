import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SafelightError } from '@safelight/sdk';
import type { Job } from '@safelight/sdk/contract';
import { createClient } from '../../sdk/src/client.ts';
import { createBatchClock, createRandom } from './support/batch-clock.ts';
import { createFaultyServer, type Scenario } from './support/faulty-server.ts';
import { IMAGE_DATA } from './support/jobs.ts';

const CALLS = 2000;
/** Change it to try another 2,000. */
const SEED = 20260101;

/** What the caller does meanwhile. */
type Caller = 'waits' | 'aborts' | 'has a deadline' | 'throws in onProgress' | 'submits and resumes';

interface Call {
  prompt: string;
  scenario: Scenario;
  caller: Caller;
}

const describeOutcome = (error: unknown): string =>
  SafelightError.isInstance(error) ? `${error.name} ${error.code}` : String(error);

describe('2,000 calls over a network that does everything wrong', () => {
  it('each end in the one right outcome, with exactly one job on the server', { timeout: 120_000 }, async (t) => {
    const random = createRandom(SEED);
    const clock = createBatchClock(random);
    const server = createFaultyServer({ clock, random, faultRate: 0.3, maxFaultsInRow: 3 });
    const client = createClient(
      { endpoint: 'https://api.example', fetch: server.fetch, requestTimeoutMs: 5000 },
      clock,
    );
    const pause = (ms: number) => new Promise<void>((resolve) => clock.startTimer(ms, resolve));

    const scenarios: Scenario[] = [
      'succeed',
      'succeed',
      'succeed',
      'fail',
      'refuse',
      'unauthorized',
      'patience',
      'wrong-types',
    ];
    const callers: Caller[] = [
      'waits',
      'waits',
      'aborts',
      'has a deadline',
      'throws in onProgress',
      'submits and resumes',
    ];
    const calls = Array.from({ length: CALLS }, (_, index): Call => {
      const scenario = scenarios[Math.floor(random() * scenarios.length)] ?? 'succeed';
      const caller = callers[Math.floor(random() * callers.length)] ?? 'waits';
      return { prompt: `${scenario} ${index}`, scenario, caller };
    });

    const progress = new Map<Call, Job[]>();
    const run = async (call: Call): Promise<string> => {
      const { prompt, caller } = call;
      await pause(random() * 30_000);
      const seen: Job[] = [];
      progress.set(call, seen);
      const controller = new AbortController();
      const options = { signal: controller.signal, onProgress: (job: Job) => void seen.push(job) };
      if (caller === 'submits and resumes') {
        const { id } = await client.submit({ prompt });
        const handle = await client.resume(id);
        for await (const job of handle) seen.push(job);
        const { images } = await handle.wait();
        return `pictures ${images.length}`;
      }
      if (caller === 'aborts') clock.startTimer(random() * 6000, () => controller.abort('the caller gave up'));
      const result = await client.generate(
        { prompt },
        {
          ...options,
          ...(caller === 'has a deadline' ? { deadlineMs: 300 + random() * 4000 } : {}),
          onProgress(job) {
            options.onProgress(job);
            if (caller === 'throws in onProgress' && job.status === 'running') throw 'the callback broke';
          },
        },
      );
      const [image] = result.images;
      assert.ok(image !== undefined && result.images.length === 1);
      assert.deepEqual(new Uint8Array(await client.images.arrayBuffer(image)), IMAGE_DATA);
      return 'pictures 1';
    };

    const all = Promise.all(calls.map((call) => run(call).catch(describeOutcome)));
    await clock.runUntilSettled(all);
    // Clean-up that outlasts its caller: cancelling goes on for a minute.
    await clock.runUntilSettled(pause(70_000));
    const outcomes = await all;

    const counts: Record<string, number> = {};
    for (const [index, call] of calls.entries()) {
      const outcome = outcomes[index] ?? '';
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      check(call, outcome, server, progress.get(call) ?? []);
    }
    assert.equal(clock.pendingTimers(), 0, 'no timer is left behind');
    // Each kind of end did happen, so that nothing above was checked in vain.
    for (const outcome of [
      ...Object.values(RIGHT),
      'pictures 1',
      'the caller gave up',
      'the callback broke',
      DEADLINE,
    ]) {
      assert.ok((counts[outcome] ?? 0) > 20, `${outcome}: ${counts[outcome]}`);
    }
    t.diagnostic(`${CALLS} calls, ${server.requestCount()} requests: ${JSON.stringify(counts)}`);
  });
});

const RIGHT = {
  fail: 'JobFailedError out_of_memory',
  refuse: 'InvalidInputError invalid_input',
  unauthorized: 'AuthenticationError unauthorized',
  patience: 'RateLimitError rate_limited',
  'wrong-types': 'InvalidResponseError invalid_response',
} as const;
const TRANSIENT = [
  'ServerError unavailable',
  'ServerError internal',
  'RateLimitError rate_limited',
  'ConnectionError connection_failed',
];
const DEADLINE = 'TimeoutError deadline_exceeded';

/** The outcomes that are right for this call, the job on the server, and the updates in between. */
function check(call: Call, outcome: string, server: ReturnType<typeof createFaultyServer>, seen: Job[]): void {
  const { prompt, scenario, caller } = call;
  const planned = scenario === 'succeed' ? 'pictures 1' : RIGHT[scenario];
  const early: Partial<Record<Caller, string>> = {
    aborts: 'the caller gave up',
    'has a deadline': DEADLINE,
    'throws in onProgress': 'the callback broke',
  };
  // A server that asks for a longer pause than the deadline leaves is not waited for.
  const isOutOfTime = caller === 'has a deadline' && TRANSIENT.includes(outcome);
  const right = [planned, early[caller]];
  assert.ok(isOutOfTime || right.includes(outcome), `${prompt}, caller ${caller}: ${outcome}`);

  const keys = server.keysOf(prompt);
  assert.ok(keys.size <= 1, `${prompt}: one idempotency key for all its requests, not ${keys.size}`);
  const jobs = server.jobsOf(prompt);
  const hasNoJob = scenario === 'refuse' || scenario === 'unauthorized' || scenario === 'patience';
  const isGivenUp = outcome !== planned;
  if (hasNoJob) assert.equal(jobs.length, 0);
  else if (!isGivenUp) assert.equal(jobs.length, 1, prompt);
  else assert.ok(jobs.length <= 1, prompt);

  const [job] = jobs;
  if (job !== undefined && isGivenUp && scenario !== 'wrong-types') {
    // The GPU stops: nobody waits for these pictures.
    assert.ok(job.canceledAt !== undefined, `${prompt}, caller ${caller}: the job goes on`);
  }
  if (job !== undefined && !isGivenUp && scenario === 'succeed') assert.equal(job.canceledAt, undefined, prompt);

  const revisions = seen.map(({ revision }) => revision);
  assert.deepEqual(
    revisions,
    [...new Set(revisions)].sort((a, b) => a - b),
    `${prompt}: no update twice or out of order`,
  );
}
