import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import Database from 'libsql';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { INSERT_JOB } from '../../../function/src/jobs/local/job-row.ts';
import { describeJobStore } from './job-store-contract.ts';
import type { JobStoreFixture } from './job-store-fixture.ts';
import { openLocalJobs } from './open-local-jobs.ts';
import { newJob, RESULT, SETTINGS } from './sample-jobs.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const createFixture = async (): Promise<JobStoreFixture> => {
  const folder = await createTemporaryFolder();
  let time = 1_700_000_000_000;
  const { database, store } = await openLocalJobs(folder, () => time);
  return {
    store,
    maxQueued: 20,
    advance: (milliseconds) => {
      time += milliseconds;
    },
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
};

describeJobStore('SQLite', createFixture);

const never = new AbortController().signal;

describe('the job database', () => {
  it('is readable by its user only, write-ahead log included', async () => {
    await using folder = await createTemporaryFolder();
    const { database, store } = await openLocalJobs(folder);
    await store.create(newJob());
    for (const name of ['jobs.db', 'jobs.db-wal', 'jobs.db-shm'])
      assert.equal(((await stat(join(folder.path, name))).mode & 0o777).toString(8), '600', name);
    database.close();
  });

  it('syncs each commit to the disk', async () => {
    await using folder = await createTemporaryFolder();
    const { database } = await openLocalJobs(folder);
    assert.equal((database.prepare('PRAGMA synchronous').get() as { synchronous: number }).synchronous, 2);
    assert.equal((database.prepare('PRAGMA journal_mode').get() as { journal_mode: string }).journal_mode, 'wal');
    database.close();
  });

  it('is created by several processes at once without harm, and refuses a newer schema', async () => {
    await using folder = await createTemporaryFolder();
    const module = new URL('../../../function/src/jobs/local/database.ts', import.meta.url).href;
    // All open it at the same millisecond.
    const program = `import { openJobDatabase } from ${JSON.stringify(module)};
      const at = Number(process.argv[1]);
      while (Date.now() < at);
      (await openJobDatabase(${JSON.stringify(folder.path)})).close();`;
    const args = ['--conditions=@safelight/source', '--import', 'tsx', '--input-type=module', '-e', program];
    const at = String(Date.now() + 1500);
    await Promise.all(Array.from({ length: 3 }, () => promisify(execFile)(process.execPath, [...args, at])));
    const raw = new Database(join(folder.path, 'jobs.db'));
    raw.exec('PRAGMA user_version = 99');
    raw.close();
    await assert.rejects(openLocalJobs(folder), { code: 'unavailable', message: /newer/ });
  });

  it('brings the jobs of an older version along', async () => {
    await using folder = await createTemporaryFolder();
    const { database, store } = await openLocalJobs(folder);
    const job = await store.create(newJob());
    await store.create(newJob());
    database.close();
    const path = join(folder.path, 'jobs.db');
    const raw = new Database(path);
    const old = { startedAt: 1000, finishedAt: 3500, phase: null, result: { images: [], warnings: [] }, error: null };
    raw
      .prepare('UPDATE jobs SET status = ?, takeable_at = NULL, state = ? WHERE id = ?')
      .run('succeeded', JSON.stringify(old), job.id);
    raw.exec('DROP TRIGGER count_inserted; DROP TRIGGER count_updated; DROP TRIGGER count_deleted');
    raw.exec('DROP TABLE job_counts; DROP INDEX jobs_by_end; DROP INDEX jobs_by_model; DROP TABLE webhooks');
    raw.exec('ALTER TABLE jobs DROP COLUMN webhook_url; PRAGMA user_version = 1');
    raw.close();
    const newer = await openLocalJobs(folder);
    const found = await newer.store.get(job.id);
    assert.equal(found?.webhookUrl, null);
    assert.deepEqual(found?.result?.usage, { gpuSeconds: 2.5 });
    assert.deepEqual(await newer.store.counts(), { queued: 1, running: 0 });
    newer.database.close();
  });

  it('counts the same as the jobs themselves, whatever became of them', async () => {
    await using folder = await createTemporaryFolder();
    const { database, store } = await openLocalJobs(folder);
    const [queued, waiting, running, done, canceled] = await Promise.all(
      Array.from({ length: 5 }, () => store.create(newJob())),
    );
    for (const job of [waiting, running, done]) await store.acquire(job?.id ?? '', { leaseMs: 1000, maxAttempts: 3 });
    await store.release({ id: waiting?.id ?? '', attempt: 1 }, { delayMs: 60_000, isCharged: true });
    await store.complete({ id: done?.id ?? '', attempt: 1 }, RESULT);
    await store.requestCancel(canceled?.id ?? '');
    assert.deepEqual(await store.counts(), { queued: 2, running: 1 });
    database.prepare('DELETE FROM jobs WHERE id IN (?, ?)').run(queued?.id, running?.id);
    assert.deepEqual(await store.counts(), { queued: 1, running: 0 });
    database.close();
  });

  it('ends each of the jobs that arrive together as if it came alone', async () => {
    await using folder = await createTemporaryFolder();
    const { database, store } = await openLocalJobs(folder, Date.now, 3);
    const first = newJob();
    const outcomes = await Promise.allSettled(
      [first, first, { ...first, inputHash: 'other' }, newJob(), newJob(), newJob()].map((job) => store.create(job)),
    );
    const described = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? 'created' : (outcome.reason as { code: string }).code,
    );
    assert.deepEqual(described, ['created', 'created', 'conflict', 'created', 'created', 'rate_limited']);
    assert.deepEqual(await store.counts(), { queued: 3, running: 0 });
    database.close();
  });

  it('says busy, retryably, when another process holds it for too long', async () => {
    await using folder = await createTemporaryFolder();
    const { database, store } = await openLocalJobs(folder);
    // A thread, since the wait blocks ours; it lets go before our five seconds are over, then holds on.
    const holder = (ms: number) =>
      new Worker(
        `const { workerData: [path, ms], parentPort } = require('node:worker_threads');
         const db = new (require(${JSON.stringify(import.meta.resolve('libsql').replace('file://', ''))}))(path);
         db.exec('BEGIN IMMEDIATE'); parentPort.postMessage('held');
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms); db.exec('COMMIT'); db.close();`,
        { eval: true, workerData: [join(folder.path, 'jobs.db'), ms] },
      );
    const short = holder(300);
    await new Promise((resolve) => short.once('message', resolve));
    await store.create(newJob());
    await short.terminate();
    const long = holder(6000);
    await new Promise((resolve) => long.once('message', resolve));
    await assert.rejects(store.create(newJob()), { code: 'unavailable', isRetryable: true });
    await long.terminate();
    database.close();
  });
});

describe('100,000 jobs', () => {
  it('do not slow down taking, reading and listing', async (t) => {
    await using folder = await createTemporaryFolder();
    const { database, store, queue } = await openLocalJobs(folder, Date.now, 1_000_000);
    const newId = createJobIdSource();
    const insert = database.prepare(INSERT_JOB);
    const state = JSON.stringify({
      startedAt: null,
      finishedAt: null,
      phase: null,
      result: null,
      error: null,
    });
    const settings = JSON.stringify(SETTINGS);
    const fill = (from: number, to: number) =>
      database.transaction(() => {
        for (let i = from; i < to; i++) {
          const isQueued = i % 10 === 0;
          const status = isQueued ? 'queued' : 'succeeded';
          insert.run(
            newId(),
            'ann',
            `bulk-key-${i}`,
            'hash',
            settings,
            i,
            status,
            1,
            0,
            0,
            0,
            isQueued ? i : null,
            state,
            null,
          );
        }
      });
    const measure = async () => {
      const { jobs } = await store.list({ owner: 'ann', limit: 20 });
      const queued = jobs.find(({ status }) => status === 'queued');
      assert.ok(queued);
      const operations: Record<string, () => Promise<unknown>> = {
        receive: () => queue.receive(never),
        get: () => store.get(jobs[0]?.id ?? ''),
        list: () => store.list({ owner: 'ann', limit: 20, cursor: jobs[10]?.id }),
        position: () => store.queuePosition(queued),
        counts: () => store.counts(),
      };
      const times: Record<string, number> = {};
      for (const [name, operation] of Object.entries(operations)) {
        await operation();
        const samples: number[] = [];
        for (let i = 0; i < 100; i++) {
          const startedAt = performance.now();
          await operation();
          samples.push(performance.now() - startedAt);
        }
        times[name] = samples.sort((a, b) => a - b)[50] ?? Number.NaN;
      }
      return times;
    };
    fill(0, 1000);
    const few = await measure();
    fill(1000, 100_000);
    const many = await measure();
    const show = (times: Record<string, number>) =>
      Object.entries(times)
        .map(([name, ms]) => `${name} ${ms.toFixed(3)}`)
        .join(', ');
    t.diagnostic(`median ms at 1,000 jobs: ${show(few)}; at 100,000: ${show(many)}`);
    for (const [name, ms] of Object.entries(many)) assert.ok(ms < 3, `${name} takes ${ms} ms at 100,000 jobs`);
    database.close();
  });
});
