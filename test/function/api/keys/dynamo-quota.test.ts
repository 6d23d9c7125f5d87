import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UsageEntry } from '@safelight/sdk/contract';
import type { KeyLimits } from '../../../../function/src/api/keys/api-key.ts';
import { createDynamoQuotas } from '../../../../function/src/api/keys/dynamo-quota.ts';
import type { Quota } from '../../../../function/src/api/quota.ts';
import type { JobRecord } from '../../../../function/src/jobs/job-record.ts';
import { startDynamo } from '../../../support/aws/dynamodb.ts';

interface Bench extends AsyncDisposable {
  quota(limits: KeyLimits, owner?: string): Quota;
  advance(milliseconds: number): void;
  /** Status of jobs by idempotency key; absent, the job was never made. */
  jobs: Map<string, JobRecord['status']>;
  usage: UsageEntry[];
  asked: { from: string; to: string }[];
}

const NOON = Date.parse('2026-07-14T12:00:00Z');

const createBench = async (): Promise<Bench> => {
  const dynamo = await startDynamo();
  let time = NOON;
  const jobs: Bench['jobs'] = new Map();
  const usage: UsageEntry[] = [];
  const asked: Bench['asked'] = [];
  const quotaOf = createDynamoQuotas({
    client: dynamo.client(),
    tableName: 'limits',
    now: () => time,
    store: {
      find: async (_, key) => (jobs.has(key) ? ({ status: jobs.get(key) } as JobRecord) : undefined),
      usage: async ({ from, to }) => {
        asked.push({ from, to });
        return usage;
      },
    },
  });
  return {
    ...{ jobs, usage, asked },
    quota: (limits, owner = 'ann') => quotaOf(owner, limits),
    advance: (milliseconds) => {
      time += milliseconds;
    },
    [Symbol.asyncDispose]: () => dynamo[Symbol.asyncDispose](),
  };
};

const job = (idempotencyKey: string, images = 1) => ({ idempotencyKey, images });
const countAdmitted = async (calls: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(calls)).filter(({ status }) => status === 'fulfilled').length;

describe("a key's limits", () => {
  it('let so many requests through in a minute, however they race, and more in the next', async () => {
    await using bench = await createBench();
    const quota = bench.quota({ requestsPerMinute: 5 });
    assert.equal(await countAdmitted(Array.from({ length: 20 }, () => quota.countRequest())), 5);
    bench.advance(45_000);
    await assert.rejects(quota.countRequest(), { code: 'rate_limited', isRetryable: true, retryAfterSeconds: 15 });
    await bench.quota({ requestsPerMinute: 5 }, 'bob').countRequest();
    bench.advance(15_000);
    await quota.countRequest();
  });

  it('hold jobs at a time to a number, and find out by themselves which are over', async () => {
    await using bench = await createBench();
    const quota = bench.quota({ concurrentJobs: 3 });
    const keys = Array.from({ length: 9 }, (_, i) => `key-${i}`);
    assert.equal(await countAdmitted(keys.map((key) => quota.admit(job(key)))), 3);
    await assert.rejects(quota.admit(job('late')), { code: 'rate_limited', isRetryable: true });
    for (const key of keys) bench.jobs.set(key, 'running');
    await assert.rejects(quota.admit(job('late')), { code: 'rate_limited' });
    for (const key of keys) bench.jobs.set(key, 'failed');
    assert.equal(await countAdmitted(['a', 'b', 'c', 'd'].map((key) => quota.admit(job(key)))), 3);
  });

  it('forget a caller who was let in and never came, after a minute', async () => {
    await using bench = await createBench();
    const quota = bench.quota({ concurrentJobs: 1 });
    await quota.admit(job('gone'));
    bench.advance(60_000);
    await assert.rejects(quota.admit(job('next')), { code: 'rate_limited' });
    bench.advance(1);
    await quota.admit(job('next'));
  });

  it('count pictures by the day, never over the limit, and not what came to nothing', async () => {
    await using bench = await createBench();
    const quota = bench.quota({ imagesPerDay: 10, concurrentJobs: 50 });
    assert.equal(await countAdmitted(Array.from({ length: 8 }, (_, i) => quota.admit(job(`key-${i}`, 4)))), 2);
    const admission = await quota.admit(job('last', 2));
    await assert.rejects(quota.admit(job('none')), { code: 'quota_exceeded', isRetryable: false });
    await admission.withdraw();
    await quota.admit(job('again', 2));
    await assert.rejects(bench.quota({ imagesPerDay: 3 }, 'bob').admit(job('big', 4)), { code: 'quota_exceeded' });
    bench.advance(12 * 3_600_000);
    await quota.admit(job('tomorrow', 10));
  });

  it('stop a key whose pictures of this month cost as much as it may spend', async () => {
    await using bench = await createBench();
    const quota = bench.quota({ usdPerMonth: 2 });
    const entry = { day: '2026-07-02', key: 'ann', jobs: 1, images: 1, gpuSeconds: 1 };
    bench.usage.push({ ...entry, price: { amount: 1.5, currency: 'USD' } }, entry);
    await quota.admit(job('a'));
    assert.deepEqual(bench.asked, [{ from: '2026-07-01', to: '2026-07-14' }]);
    bench.usage.push({ ...entry, day: '2026-07-03', price: { amount: 0.5, currency: 'USD' } });
    await assert.rejects(quota.admit(job('b')), { code: 'quota_exceeded', message: /2 USD of this month/ });
  });

  it('do not hold a key that has none', async () => {
    await using bench = await createBench();
    const quota = bench.quota({});
    for (let i = 0; i < 30; i++) await quota.countRequest();
    await (await quota.admit(job('a', 1000))).withdraw();
  });
});
