/** Many jobs on AWS while workers are killed at random. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createFakeEngine } from '../function/jobs/fake-engine.ts';
import { SETTINGS } from '../function/jobs/sample-jobs.ts';
import { billedJobs, checkPicture, dead, OWNER, QUIET, SHORT, submit } from '../support/aws/fault-bench.ts';
import type { AwsRequest } from '../support/aws/faults.ts';
import { type Stack, startStack } from '../support/aws/stack.ts';
import { startTestWorker } from '../support/aws/start-test-worker.ts';

/** Its jobs are drawn together, up to four: a worker that dies leaves all of them, and what it was storing. */
const engine = createFakeEngine({ batch: 4 });

/** Mulberry32: numbers from 0 to 1 that are the same in each run. */
const createRandom = (seed: number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const dieAtRandom = (random: () => number, chance: number) => {
  let isDead = false;
  let tell = () => {};
  const death = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const faultFor = ({ command }: AwsRequest) => {
    if (isDead) return { error: dead(), when: 'before' as const };
    if (command === 'ReceiveMessageCommand' || random() > chance) return undefined;
    isDead = true;
    tell();
    return { error: dead(), when: random() < 0.5 ? ('before' as const) : ('after' as const) };
  };
  return { faultFor, death };
};

/** Works with one worker after the other, each of which is killed sooner or later, until told that all is done. */
const workInTurns = async (stack: Stack, random: () => number, allDone: Promise<void>): Promise<number> => {
  for (let kills = 0; ; kills++) {
    // One in 80 requests, which is one in some 13 jobs, is a worker's last; it may or may not have been done.
    const { faultFor, death } = dieAtRandom(random, 1 / 80);
    const worker = startTestWorker(stack, engine, { ...SHORT, ...QUIET, faultFor });
    const isDone = await Promise.race([death.then(() => false), allDone.then(() => true)]);
    await worker.drain();
    if (isDone) return kills;
  }
};

const untilNoneIsLeft = async ({ services }: Stack): Promise<void> => {
  for (;;) {
    const { queued, running } = await services.store.counts();
    if (queued + running === 0) return;
    await delay(100);
  }
};

/** A thousand take a minute or two: `SAFELIGHT_SOAK_JOBS=1000`. */
const SOAK_JOBS = Number(process.env.SAFELIGHT_SOAK_JOBS ?? 200);

describe(`${SOAK_JOBS} jobs`, () => {
  it('end well, each once and billed once, while workers are killed at random', async (t) => {
    await using stack = await startStack({ engine, visibilitySeconds: 1, maxQueued: SOAK_JOBS + 1 });
    for (let seed = 0; seed < SOAK_JOBS; seed += 20)
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => submit(stack, { settings: { ...SETTINGS, seed: seed + i } })),
      );
    const random = createRandom(1);
    const allDone = untilNoneIsLeft(stack);
    const kills = await Promise.all(Array.from({ length: 6 }, () => workInTurns(stack, random, allDone)));
    let [count, begunAgain, cursor] = [0, 0, undefined as string | undefined];
    do {
      const page = await stack.services.store.list({ owner: OWNER, limit: 100, cursor });
      for (const job of page.jobs) {
        assert.equal(job.status, 'succeeded', job.error?.message);
        await checkPicture(stack, job);
        count++;
        begunAgain += job.attempt > 1 ? 1 : 0;
      }
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    assert.deepEqual([count, await billedJobs(stack)], [SOAK_JOBS, SOAK_JOBS]);
    const pictures = [...stack.s3.objects.keys()].filter((path) => path.startsWith('pictures/jobs/'));
    assert.equal(pictures.length, SOAK_JOBS);
    assert.deepEqual(await stack.sqs.deadLetters(), []);
    const killed = kills.reduce((total, some) => total + some, 0);
    assert.ok(killed > SOAK_JOBS / 40, `${killed} kills`);
    t.diagnostic(`${killed} workers killed, ${begunAgain} jobs begun more than once`);
  });
});
