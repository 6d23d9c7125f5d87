/** What every home's job store must do. Call it with a way to make one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GenerateSettings } from '@safelight/sdk/contract';
import type { JobHold, JobRecord, JobResult, NewJob } from '../../../function/src/jobs/job-record.ts';
import type { JobStore } from '../../../function/src/jobs/job-store.ts';

export const SETTINGS: GenerateSettings = {
  prompt: 'a "quoted" fox 🦊\n',
  negativePrompt: '',
  model: 'fake',
  width: 64,
  height: 64,
  steps: 4,
  guidanceScale: 7.5,
  sampler: 'ddim',
  schedule: 'ddim_uniform',
  eta: 0,
  seed: 4_294_967_295,
  rng: 'cuda',
  count: 1,
  format: 'png',
};

let made = 0;
/** A job unlike all others; pass what matters. */
export const newJob = (differences: Partial<NewJob> = {}): NewJob => ({
  owner: 'ann',
  idempotencyKey: `contract-key-${made++}`,
  inputHash: 'hash',
  settings: SETTINGS,
  webhookUrl: null,
  ...differences,
});

export const RESULT: JobResult = {
  images: [{ index: 0, width: 64, height: 64, seed: 1, format: 'png', bytes: 3, sha256: 'ab', key: 'jobs/x/0.png' }],
  warnings: [{ code: 'unknown_words', field: 'prompt', message: 'm', words: ['w'] }],
  work: { denoised: 7, decoded: 8 },
  timings: { queueMs: 1, loadMs: 2, encodeMs: 3, denoiseMs: 4, decodeMs: 5, uploadMs: 6 },
  usage: { gpuSeconds: 0.021, price: { amount: 0.000004, currency: 'USD', priceDate: '2026-01-01' } },
};
const LEASE = { leaseMs: 10_000, maxAttempts: 3 };
const ERROR = { code: 'out_of_memory', message: 'no room', isRetryable: true } as const;

export interface JobStoreFixture extends AsyncDisposable {
  store: JobStore;
  /** Lets the store's clock go on. */
  advance(milliseconds: number): void;
  /** Jobs that may wait at a time. */
  maxQueued: number;
}

const acquire = async (store: JobStore, id: string): Promise<{ hold: JobHold; job: JobRecord }> => {
  const result = await store.acquire(id, LEASE);
  assert.ok(result.outcome === 'acquired', `acquired, not ${result.outcome}`);
  return { hold: { id, attempt: result.job.attempt }, job: result.job };
};

const statusOf = async (store: JobStore, id: string) => (await store.get(id))?.status;

const describeSubmitting = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('submitting', () => {
    it('keeps the job as it was given', async () => {
      await using fixture = await createFixture();
      const request = newJob();
      const job = await fixture.store.create(request);
      assert.match(job.id, /^[a-z0-9]{20,40}$/);
      assert.deepEqual(await fixture.store.get(job.id), job);
      assert.deepEqual({ ...job, ...request }, job);
      assert.deepEqual([job.status, job.attempt, job.revision], ['queued', 0, 1]);
      assert.deepEqual(await fixture.store.find(request.owner, request.idempotencyKey), job);
      assert.equal(await fixture.store.get('0'.repeat(26)), undefined);
      assert.equal(await fixture.store.find('bob', request.idempotencyKey), undefined);
    });

    it('makes one job of the same key and input, however many calls race', async () => {
      await using fixture = await createFixture();
      const request = newJob();
      const jobs = await Promise.all(Array.from({ length: 10 }, () => fixture.store.create(request)));
      assert.equal(new Set(jobs.map(({ id }) => id)).size, 1);
      assert.equal((await fixture.store.counts()).queued, 1);
    });

    it('refuses the same key with other input, but not from another owner', async () => {
      await using fixture = await createFixture();
      const request = newJob();
      const job = await fixture.store.create(request);
      const conflict = { code: 'conflict', field: 'idempotencyKey', isRetryable: false };
      await assert.rejects(fixture.store.create({ ...request, inputHash: 'other' }), conflict);
      const other = await fixture.store.create({ ...request, owner: 'bob', inputHash: 'other' });
      assert.notEqual(other.id, job.id);
    });

    it('refuses more jobs than may wait, but not one that it has', async () => {
      await using fixture = await createFixture();
      const requests = Array.from({ length: fixture.maxQueued }, () => newJob());
      for (const request of requests) await fixture.store.create(request);
      await assert.rejects(fixture.store.create(newJob()), { code: 'rate_limited', isRetryable: true });
      const known = await fixture.store.create(requests[0] ?? newJob());
      await acquire(fixture.store, known.id);
      await fixture.store.create(newJob());
    });
  });

const describeReading = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('reading', () => {
    it("lists an owner's jobs newest first, each once, page by page", async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const ids: string[] = [];
      for (let i = 0; i < 7; i++) {
        // Several within one millisecond.
        if (i % 3 === 0) fixture.advance(1);
        ids.unshift((await store.create(newJob())).id);
        await store.create(newJob({ owner: 'bob' }));
      }
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.list({ owner: 'ann', limit: 3, cursor });
        assert.ok(page.jobs.length <= 3);
        seen.push(...page.jobs.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      assert.deepEqual(seen, ids);
      assert.deepEqual(await store.list({ owner: 'nobody', limit: 3 }), { jobs: [] });
      assert.equal((await store.list({ owner: 'ann', limit: 7 })).nextCursor, undefined, 'a last page that is full');
    });

    it('counts the jobs ahead in the queue', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const jobs: JobRecord[] = [];
      for (let i = 0; i < 3; i++) jobs.push(await store.create(newJob({ owner: `owner-${i}` })));
      const positions = () => Promise.all(jobs.map((job) => store.queuePosition(job)));
      assert.deepEqual(await positions(), [0, 1, 2]);
      await acquire(store, jobs[0]?.id ?? '');
      assert.deepEqual((await positions()).slice(1), [0, 1]);
      assert.deepEqual(await store.counts(), { queued: 2, running: 1 });
    });
  });

const describeUsage = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('usage', () => {
    const DAY_MS = 24 * 60 * 60 * 1000;

    const finishJob = async (store: JobStore, differences: Partial<NewJob>, result: Partial<JobResult> = {}) => {
      const { id } = await store.create(newJob(differences));
      const { hold } = await acquire(store, id);
      assert.equal(await store.complete(hold, { ...RESULT, ...result }), 'written');
      return (await store.get(id))?.finishedAt ?? 0;
    };
    const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);

    it("adds up an owner's succeeded jobs by the day that they finished", async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const first = dayOf(await finishJob(store, {}));
      await finishJob(store, {});
      await finishJob(store, { owner: 'bob' });
      await store.requestCancel((await store.create(newJob())).id);
      const price = (amount: number) => ({ amount, currency: 'USD', priceDate: '2026-01-01' });
      fixture.advance(DAY_MS);
      const image = RESULT.images[0];
      assert.ok(image !== undefined);
      const second = dayOf(
        await finishJob(store, {}, { images: [image, image], usage: { gpuSeconds: 2, price: price(0.5) } }),
      );
      fixture.advance(DAY_MS);
      const third = dayOf(await finishJob(store, {}, { usage: { gpuSeconds: 4 } }));

      const entries = await store.usage({ owner: 'ann', from: first, to: third });
      const rounded = entries.map((entry) => ({ ...entry, gpuSeconds: Number(entry.gpuSeconds.toFixed(6)) }));
      assert.deepEqual(rounded, [
        { day: first, key: 'ann', jobs: 2, images: 2, gpuSeconds: 0.042, price: { amount: 0.000008, currency: 'USD' } },
        { day: second, key: 'ann', jobs: 1, images: 2, gpuSeconds: 2, price: { amount: 0.5, currency: 'USD' } },
        { day: third, key: 'ann', jobs: 1, images: 1, gpuSeconds: 4 },
      ]);
      const days = async (from: string, to: string) =>
        (await store.usage({ owner: 'ann', from, to })).map(({ day }) => day);
      assert.deepEqual(await days(second, second), [second], 'both days are included');
      assert.deepEqual(await store.usage({ owner: 'nobody', from: first, to: third }), []);
    });

    it('counts a job once, for the attempt that won', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const lost = await acquire(store, id);
      fixture.advance(LEASE.leaseMs + 1);
      const won = await acquire(store, id);
      assert.equal(await store.complete(won.hold, RESULT), 'written');
      assert.equal(await store.complete(lost.hold, RESULT), 'lost');
      const day = dayOf((await store.get(id))?.finishedAt ?? 0);
      assert.equal((await store.usage({ owner: 'ann', from: day, to: day }))[0]?.jobs, 1);
    });

    it("remembers a model's latest runs, newest first, whoever's they were", async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      for (const [index, owner] of ['ann', 'bob', 'ann'].entries()) {
        fixture.advance(1000);
        await finishJob(store, { owner }, { work: { denoised: 10 + index, decoded: 1 } });
      }
      await finishJob(store, { settings: { ...SETTINGS, model: 'other' } });
      const runs = await store.recentRuns('fake', 2);
      assert.deepEqual(
        runs.map(({ work }) => work.denoised),
        [12, 11],
      );
      const { timings, usage } = RESULT;
      assert.deepEqual(runs[0], { work: { denoised: 12, decoded: 1 }, timings, usage });
      assert.deepEqual(await store.recentRuns('unknown', 2), []);
    });

    it('leaves out runs that say nothing of their work, as those of older servers', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      await finishJob(store, {}, { work: undefined as never });
      await finishJob(store, {});
      const { work, timings, usage } = RESULT;
      assert.deepEqual(await store.recentRuns('fake', 5), [{ work, timings, usage }]);
    });
  });

const describeWorking = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('working', () => {
    it('gives a job to one worker at a time', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const results = await Promise.all(Array.from({ length: 8 }, () => store.acquire(id, LEASE)));
      assert.equal(results.filter(({ outcome }) => outcome === 'acquired').length, 1);
      assert.equal(results.filter(({ outcome }) => outcome === 'busy').length, 7);
      const job = await store.get(id);
      assert.deepEqual([job?.status, job?.attempt], ['running', 1]);
      assert.deepEqual(await store.acquire('0'.repeat(26), LEASE), { outcome: 'finished' });
    });

    it('keeps a job whose lease is extended, and its phase', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      for (let i = 0; i < 3; i++) {
        fixture.advance(LEASE.leaseMs - 1);
        const beat = await store.heartbeat(hold, {
          leaseMs: LEASE.leaseMs,
          phase: { name: 'decoding', image: i, count: 3 },
        });
        assert.deepEqual(beat, { outcome: 'held', cancelRequested: false });
      }
      await store.heartbeat(hold, { leaseMs: LEASE.leaseMs });
      assert.deepEqual(
        (await store.get(id))?.phase,
        { name: 'decoding', image: 2, count: 3 },
        'no phase keeps the last',
      );
      assert.equal((await store.acquire(id, LEASE)).outcome, 'busy');
    });

    it('completes with the result', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      fixture.advance(5);
      assert.equal(await store.complete(hold, RESULT), 'written');
      const job = await store.get(id);
      assert.equal(job?.status, 'succeeded');
      assert.deepEqual(job?.result, RESULT);
      assert.equal((job?.finishedAt ?? 0) - (job?.startedAt ?? 0), 5);
      assert.deepEqual(await store.acquire(id, LEASE), { outcome: 'finished' });
      assert.equal(await store.complete(hold, RESULT), 'lost', 'twice is once');
    });

    it('refuses every write of a worker that lost its lease to another', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold: stale } = await acquire(store, id);
      fixture.advance(LEASE.leaseMs);
      const { hold } = await acquire(store, id);
      assert.equal(hold.attempt, stale.attempt + 1);
      const before = await store.get(id);
      assert.deepEqual(await store.heartbeat(stale, { leaseMs: 1, phase: { name: 'uploading' } }), {
        outcome: 'lost',
      });
      assert.equal(await store.complete(stale, RESULT), 'lost');
      assert.equal(await store.fail(stale, ERROR), 'lost');
      assert.equal(await store.release(stale, { delayMs: 0, isCharged: false }), 'lost');
      assert.equal(await store.confirmCancel(stale), 'lost');
      assert.deepEqual(await store.get(id), before);
      assert.equal(await store.complete(hold, RESULT), 'written');
    });

    it('never gives the same attempt number twice, also after a job was handed back', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold: first } = await acquire(store, id);
      await store.release(first, { delayMs: 0, isCharged: false });
      const { hold: second } = await acquire(store, id);
      assert.ok(second.attempt > first.attempt);
      assert.equal(await store.complete(first, RESULT), 'lost');
    });

    it('hands a job back after the delay', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      assert.equal(await store.release(hold, { delayMs: 500, isCharged: true }), 'written');
      assert.deepEqual([await statusOf(store, id), (await store.get(id))?.phase], ['queued', null]);
      fixture.advance(499);
      assert.equal((await store.acquire(id, LEASE)).outcome, 'busy');
      fixture.advance(1);
      await acquire(store, id);
    });

    it('fails a job with its error', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      assert.equal(await store.fail(hold, ERROR), 'written');
      const job = await store.get(id);
      assert.deepEqual([job?.status, job?.error], ['failed', ERROR]);
    });

    it('fails a job whose workers all went silent as worker_lost, not counting hand-backs', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      for (let i = 0; i < 5; i++) {
        const { hold } = await acquire(store, id);
        await store.release(hold, { delayMs: 0, isCharged: false });
      }
      for (let i = 0; i < LEASE.maxAttempts; i++) {
        await acquire(store, id);
        fixture.advance(LEASE.leaseMs);
      }
      assert.deepEqual(await store.acquire(id, LEASE), { outcome: 'exhausted' });
      const job = await store.get(id);
      assert.deepEqual([job?.status, job?.error?.code], ['failed', 'worker_lost']);
      assert.deepEqual(await store.acquire(id, LEASE), { outcome: 'finished' });
    });
  });

const describeCanceling = (createFixture: () => Promise<JobStoreFixture>) =>
  describe('canceling', () => {
    it('ends a queued job at once', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      assert.equal((await store.requestCancel(id))?.status, 'canceled');
      assert.deepEqual(await store.acquire(id, LEASE), { outcome: 'finished' });
      assert.equal(await store.requestCancel('0'.repeat(26)), undefined);
    });

    it('tells the worker of a running job, and ends it when the worker stopped', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      assert.equal((await store.requestCancel(id))?.status, 'running');
      await store.requestCancel(id);
      assert.deepEqual(await store.heartbeat(hold, LEASE), { outcome: 'held', cancelRequested: true });
      assert.equal(await store.confirmCancel(hold), 'written');
      assert.equal(await statusOf(store, id), 'canceled');
    });

    it('comes too late for pictures that are made', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      await store.requestCancel(id);
      assert.equal(await store.complete(hold, RESULT), 'written');
      assert.equal((await store.requestCancel(id))?.status, 'succeeded');
    });

    it('holds when the worker is lost or hands the job back', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const lost = await store.create(newJob());
      await acquire(store, lost.id);
      await store.requestCancel(lost.id);
      const drained = await store.create(newJob());
      const { hold } = await acquire(store, drained.id);
      await store.requestCancel(drained.id);
      await store.release(hold, { delayMs: 0, isCharged: false });
      assert.equal(await statusOf(store, drained.id), 'canceled');
      fixture.advance(LEASE.leaseMs);
      assert.deepEqual(await store.acquire(lost.id, LEASE), { outcome: 'finished' });
      assert.equal(await statusOf(store, lost.id), 'canceled');
    });

    it('ends a running job whose worker is gone at once', async () => {
      await using fixture = await createFixture();
      const { store } = fixture;
      const { id } = await store.create(newJob());
      const { hold } = await acquire(store, id);
      fixture.advance(LEASE.leaseMs);
      assert.equal((await store.requestCancel(id))?.status, 'canceled');
      assert.deepEqual(await store.heartbeat(hold, LEASE), { outcome: 'lost' });
    });
  });

/** Runs the suite against the stores that `createFixture` makes, one per test. */
export const describeJobStore = (name: string, createFixture: () => Promise<JobStoreFixture>): void => {
  describe(`${name} as a job store`, () => {
    describeSubmitting(createFixture);
    describeReading(createFixture);
    describeWorking(createFixture);
    describeCanceling(createFixture);
    describeUsage(createFixture);
  });
};
