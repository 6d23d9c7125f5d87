import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobResult, NewJob } from '../../../function/src/jobs/job-record.ts';
import type { JobStore } from '../../../function/src/jobs/job-store.ts';
import { acquire, type JobStoreFixture, LEASE } from './job-store-fixture.ts';
import { newJob, RESULT, SETTINGS } from './sample-jobs.ts';

/** What the store of every home must say of usage and of runs that were. */
export const describeUsage = (createFixture: () => Promise<JobStoreFixture>) =>
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
  });
