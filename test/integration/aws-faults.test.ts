/** What goes wrong on AWS, and what callers see of it: the real adapters and clients over emulators. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FunctionError } from '../../function/src/errors.ts';
import type { JobRecord } from '../../function/src/jobs/job-record.ts';
import { createFakeEngine } from '../function/jobs/fake-engine.ts';
import { SETTINGS } from '../function/jobs/sample-jobs.ts';
import {
  billedJobs,
  checkPicture,
  dead,
  finished,
  QUIET,
  SHORT,
  submit,
  untilPhase,
} from '../support/aws/fault-bench.ts';
import { type AwsRequest, serviceError } from '../support/aws/faults.ts';
import { startStack } from '../support/aws/stack.ts';
import { startTestWorker } from '../support/aws/start-test-worker.ts';
import { startWorkerProgram } from '../support/aws/start-worker-program.ts';

const engine = createFakeEngine();

interface Place {
  command: string;
  /** Which of these requests, counted from 1. */
  request: number;
  when: 'before' | 'after';
  pace: { heartbeatMs: number; phaseIntervalMs: number };
}

/** With them, the third is in the middle of the work. */
const BUSY = { heartbeatMs: 10, phaseIntervalMs: 10 };

const REQUESTS = [
  { command: 'GetItemCommand', request: 1, pace: QUIET },
  { command: 'UpdateItemCommand', request: 1, pace: QUIET },
  { command: 'GetItemCommand', request: 3, pace: BUSY },
  { command: 'UpdateItemCommand', request: 3, pace: BUSY },
  { command: 'PutObjectCommand', request: 1, pace: QUIET },
  { command: 'GetItemCommand', request: 2, pace: QUIET },
  { command: 'UpdateItemCommand', request: 2, pace: QUIET },
  { command: 'DeleteMessageCommand', request: 1, pace: QUIET },
];
const PLACES: Place[] = REQUESTS.flatMap((request) => [
  { ...request, when: 'before' },
  { ...request, when: 'after' },
]);

/** From that place on, the worker's requests come to nothing. */
const dieAt = ({ command, request, when }: Place) => {
  let count = 0;
  let isDead = false;
  let tell = () => {};
  const death = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const faultFor = (asked: AwsRequest) => {
    if (isDead) return { error: dead(), when: 'before' as const };
    if (asked.command === command) count++;
    if (count < request) return undefined;
    isDead = true;
    tell();
    return { error: dead(), when };
  };
  return { faultFor, death };
};

describe('a worker that is killed', () => {
  it('before or after any of its requests loses no job, and none is done or billed twice', async () => {
    await using stack = await startStack({ engine, visibilitySeconds: 1 });
    // GIVEN a job for each place where a worker can die
    const jobs: JobRecord[] = [];
    for (const [seed] of PLACES.entries()) jobs.push(await submit(stack, { settings: { ...SETTINGS, seed } }));
    // WHEN a worker dies at each
    const died = new Set<Place>();
    const doomed = PLACES.map((place) => {
      const { faultFor, death } = dieAt(place);
      death.then(() => died.add(place));
      const slow = createFakeEngine({ stepMs: 30 });
      return { death, worker: startTestWorker(stack, slow, { ...SHORT, ...place.pace, faultFor }) };
    });
    await Promise.all(doomed.map(({ death }) => death));
    await Promise.all(doomed.map(({ worker }) => worker.drain()));
    // THEN those who come after them finish every job, once
    const heirs = [startTestWorker(stack, engine, SHORT), startTestWorker(stack, engine, SHORT)];
    for (const { id } of jobs) {
      const job = await finished(stack, id);
      assert.equal(job.status, 'succeeded', job.error?.message);
      await checkPicture(stack, job);
    }
    await Promise.all(heirs.map((worker) => worker.drain()));
    assert.equal(await billedJobs(stack), jobs.length);
    assert.deepEqual(await stack.sqs.deadLetters(), []);
    assert.equal(died.size, PLACES.length);
  });

  it('leaves a job that kills each of its workers failed, and its message in the dead-letter queue', async () => {
    await using stack = await startStack({ engine, visibilitySeconds: 1 });
    const { id } = await submit(stack);
    const next = await submit(stack);
    for (let attempt = 1; attempt <= 3; attempt++) {
      await stack.services.store.acquire(id, { leaseMs: 1, maxAttempts: 3 });
      await delay(5);
    }
    const worker = startTestWorker(stack, engine, { maxAttempts: 3 });
    const job = await finished(stack, id);
    assert.deepEqual([job.status, job.error?.code], ['failed', 'worker_lost']);
    assert.equal((await finished(stack, next.id)).status, 'succeeded');
    await worker.drain();
    assert.deepEqual(await stack.sqs.deadLetters(), [JSON.stringify({ jobId: id })]);
    assert.equal(await stack.sqs.countMessages(), 0);
  });
});

describe('a poison job', () => {
  it('fails after its tries with the last error, goes to the dead-letter queue, and harms no other', async () => {
    await using stack = await startStack({ engine });
    const poison = await submit(stack, { settings: { ...SETTINGS, prompt: 'poison' } });
    const fine = await submit(stack);
    const picky = createFakeEngine({
      onGenerate: ({ prompt }) => {
        if (prompt === 'poison') throw new FunctionError('out_of_memory', 'no room', { isRetryable: true });
      },
    });
    const worker = startTestWorker(stack, picky, { maxAttempts: 3, backoffMs: 1 });
    const job = await finished(stack, poison.id);
    assert.deepEqual([job.status, job.error?.code, job.attempt], ['failed', 'out_of_memory', 3]);
    assert.equal((await finished(stack, fine.id)).status, 'succeeded');
    await worker.drain();
    assert.deepEqual(await stack.sqs.deadLetters(), [JSON.stringify({ jobId: poison.id })]);
    assert.equal(await billedJobs(stack), 1);
    assert.ok(!stack.log.join().includes('poison'), 'prompts stay out of the log');
  });
});

describe('a worker that lost its lease', () => {
  it('and goes on all the same has its result refused: the other one counts, and is billed', async () => {
    await using stack = await startStack({ engine, visibilitySeconds: 1 });
    const { id } = await submit(stack);
    let isCut = false;
    const late = startTestWorker(
      stack,
      createFakeEngine({
        async onGenerate() {
          isCut = true;
          await delay(2500);
          isCut = false;
        },
      }),
      // It hears nothing of its heartbeats, so it does not know.
      {
        ...SHORT,
        leaseSeconds: 0.5,
        heartbeatMs: 60_000,
        faultFor: () => (isCut ? { error: dead(), when: 'before' } : undefined),
      },
    );
    await untilPhase(stack, id, 'provisioning');
    const winner = startTestWorker(stack, engine, SHORT);
    const job = await finished(stack, id);
    assert.deepEqual([job.status, job.attempt], ['succeeded', 2]);
    await late.drain();
    await winner.drain();
    assert.deepEqual(await stack.services.store.get(id), job);
    assert.equal(await billedJobs(stack), 1);
    assert.match(stack.log.join('\n'), /job_lease_lost/);
  });
});

describe('a message', () => {
  it('that is delivered twice makes one set of pictures', async () => {
    await using stack = await startStack({ engine });
    const slow = createFakeEngine({ stepMs: 20 });
    const { id } = await submit(stack);
    for (let i = 0; i < 3; i++) await stack.services.queue.send(id);
    const workers = [startTestWorker(stack, slow), startTestWorker(stack, slow)];
    assert.equal((await finished(stack, id)).attempt, 1);
    const last = await submit(stack);
    await finished(stack, last.id);
    await Promise.all(workers.map((worker) => worker.drain()));
    assert.equal(slow.calls, 2);
    assert.equal(await billedJobs(stack), 2);
  });
});

describe('S3', () => {
  const isPut = ({ method }: { method: string }) => method === 'PUT';

  it('that is slow, away or has another upload under way holds a job up and no more', async () => {
    await using stack = await startStack({ engine });
    stack.s3.inject({ status: 503, code: 'SlowDown' }, isPut, 2);
    stack.s3.inject({ status: 409, code: 'ConditionalRequestConflict' }, isPut, 1);
    const { id } = await submit(stack);
    const worker = startTestWorker(stack, engine);
    const job = await finished(stack, id);
    await worker.drain();
    assert.deepEqual([job.status, job.attempt], ['succeeded', 1]);
    await checkPicture(stack, job);
  });

  it('that is away for longer costs a try, not the job', async () => {
    await using stack = await startStack({ engine });
    stack.s3.inject({ status: 503, code: 'SlowDown' }, isPut, 6);
    const { id } = await submit(stack);
    const worker = startTestWorker(stack, engine);
    const job = await finished(stack, id);
    await worker.drain();
    assert.deepEqual([job.status, job.attempt], ['succeeded', 2]);
  });

  it('that has the picture of an earlier try keeps it, and the job describes that one', async () => {
    await using stack = await startStack({ engine });
    const { id } = await submit(stack);
    stack.s3.put(`pictures/jobs/${id}/0.png`, new Uint8Array([1, 2, 3]));
    const worker = startTestWorker(stack, engine);
    const image = (await finished(stack, id)).result?.images[0];
    await worker.drain();
    assert.equal(image?.bytes, 3);
    assert.equal(image?.sha256, '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81');
  });
});

describe('DynamoDB', () => {
  it('that throttles every third request holds jobs up and no more', async () => {
    await using stack = await startStack({ engine, visibilitySeconds: 1 });
    const jobs = [await submit(stack), await submit(stack), await submit(stack)];
    let count = 0;
    const throttled = serviceError('ProvisionedThroughputExceededException', 400);
    const faultFor = ({ command }: AwsRequest) => {
      const isDynamo = command === 'GetItemCommand' || command === 'UpdateItemCommand';
      return isDynamo && count++ % 3 === 1 ? { error: throttled, when: 'before' as const } : undefined;
    };
    const worker = startTestWorker(stack, engine, { ...SHORT, faultFor });
    for (const { id } of jobs) assert.equal((await finished(stack, id)).status, 'succeeded');
    await worker.drain();
    assert.ok(count > 10, 'there were requests to throttle');
    assert.equal(await billedJobs(stack), 3);
  });
});

describe('a spot machine that is taken back', () => {
  it('hands its job to the next worker at once, without a try being counted', async () => {
    await using stack = await startStack({ engine });
    const { id } = await submit(stack, { settings: { ...SETTINGS, steps: 1000 } });
    let isTakenBack = false;
    const ec2: typeof fetch = async (input) => {
      const path = String(input).replace(/^.*\/latest\//, '');
      if (path === 'api/token') return new Response('token');
      if (path === 'meta-data/instance-type') return new Response('g6.xlarge');
      if (path === 'meta-data/instance-life-cycle') return new Response('spot');
      return isTakenBack ? new Response('{"action":"terminate"}') : new Response('', { status: 404 });
    };
    const options = { modelsDir: '/nonexistent', engine: createFakeEngine({ stepMs: 5 }), fetch: ec2 };
    const spot = startWorkerProgram(stack, options);
    await untilPhase(stack, id, 'denoising');
    isTakenBack = true;
    assert.equal(await spot.ended, 'taken_back');
    const waiting = await stack.services.store.get(id);
    assert.deepEqual([waiting?.status, waiting?.chargedAttempts], ['queued', 0]);
    const next = startWorkerProgram(stack, { modelsDir: '/nonexistent', engine });
    const job = await finished(stack, id);
    assert.deepEqual([job.status, job.attempt], ['succeeded', 2]);
    next.stop();
    assert.equal(await next.ended, 'stopped');
  });

  it('is missed by nobody: a worker without a job leaves by itself', async () => {
    await using stack = await startStack({ engine });
    const { id } = await submit(stack);
    const worker = startWorkerProgram(stack, { modelsDir: '/nonexistent', engine, idleSeconds: 1 });
    assert.equal((await finished(stack, id)).status, 'succeeded');
    assert.equal(await worker.ended, 'idle');
  });
});
