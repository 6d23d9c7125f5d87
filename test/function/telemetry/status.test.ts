import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeStatus } from '../../../function/src/telemetry/describe-status.ts';
import { readStatus, type StatusSource } from '../../../function/src/telemetry/read-status.ts';
import { type SummarizedJob, summarizeJobs } from '../../../function/src/telemetry/summarize-jobs.ts';

const HOUR = 60 * 60 * 1000;
const NOW = Date.parse('2026-03-05T12:00:00Z');

const timings = { queueMs: 100, loadMs: 0, encodeMs: 10, denoiseMs: 2000, decodeMs: 300, uploadMs: 20 };
const done = (hoursAgo: number, more: Partial<SummarizedJob> = {}): SummarizedJob => ({
  status: 'succeeded',
  createdAt: NOW - hoursAgo * HOUR,
  finishedAt: NOW - hoursAgo * HOUR + 2500,
  pictures: 2,
  timings,
  ...more,
});
const ended = (hoursAgo: number, status: SummarizedJob['status'], errorCode?: string): SummarizedJob => ({
  ...{ status, createdAt: NOW - hoursAgo * HOUR, finishedAt: NOW, pictures: 0, errorCode },
});

test('jobs are summed up by state, code and stage; cold starts are judged apart', () => {
  const warm = Array.from({ length: 19 }, (_, index) =>
    done(index === 0 ? 0.5 : 3, { timings: { ...timings, denoiseMs: 1000 + index } }),
  );
  const cold = done(2, { timings: { ...timings, bootMs: 30_000, downloadMs: 9000, loadMs: 4000, denoiseMs: 9999 } });
  const others = [
    ended(1, 'failed', 'out_of_memory'),
    ended(1, 'failed', 'worker_lost'),
    ended(2, 'failed', 'worker_lost'),
  ];
  const waiting = [ended(0, 'queued'), ended(0, 'running'), ended(1, 'canceled')];
  const tooOld = [done(11), ended(11, 'failed', 'internal')];
  const summary = summarizeJobs([...warm, cold, ...others, ...waiting, ...tooOld], { hours: 10, now: NOW });
  assert.deepEqual(summary.jobs, { queued: 1, running: 1, succeeded: 20, failed: 3, canceled: 1 });
  assert.deepEqual(summary.failures, [
    { code: 'worker_lost', jobs: 2 },
    { code: 'out_of_memory', jobs: 1 },
  ]);
  assert.deepEqual([summary.pictures, summary.jobsPerHour, summary.picturesPerHour], [40, 2, 4]);
  assert.deepEqual(summary.lastHour, { jobs: 1, pictures: 2 });
  // Nearest rank: of 20 sorted values the 10th and the 19th.
  assert.deepEqual(
    summary.phases.map(({ phase, jobs, p50Ms, p95Ms }) => [phase, jobs, p50Ms, p95Ms]),
    [
      ['queue', 20, 100, 100],
      ['boot', 1, 30_000, 30_000],
      ['download', 1, 9000, 9000],
      ['load', 1, 4000, 4000],
      ['encode', 20, 10, 10],
      ['denoise', 20, 1009, 1018],
      ['decode', 20, 300, 300],
      ['upload', 20, 20, 20],
    ],
  );
  assert.deepEqual(summarizeJobs([], { hours: 24, now: NOW }).phases, []);
});

const source = (jobs: readonly SummarizedJob[], asked: string[] = []): StatusSource => ({
  health: async () => ({ version: '1.2.3', defaultModel: 'mini', queued: 3, running: 1 }),
  models: async () => [{ name: 'mini' }, { name: 'sd' }],
  async list({ limit, cursor = '0' }) {
    asked.push(cursor);
    const end = Number(cursor) + limit;
    return { jobs: jobs.slice(Number(cursor), end), ...(end < jobs.length ? { nextCursor: String(end) } : {}) };
  },
  async usage({ from, to }) {
    assert.deepEqual([from, to], ['2026-03-01', '2026-03-05']);
    const entry = { day: to, key: 'local', jobs: 2, images: 3, gpuSeconds: 4.5 };
    return [
      { ...entry, price: { amount: 0.5, currency: 'USD' } },
      { ...entry, price: { amount: 0.25, currency: 'USD' } },
    ];
  },
});

test('pages are read as far back as asked for', async () => {
  const jobs = Array.from({ length: 450 }, (_, index) => done(index / 100));
  const asked: string[] = [];
  const { recent } = await readStatus(source(jobs, asked), { hours: 2, now: NOW });
  assert.deepEqual([recent.jobs.succeeded, recent.hours], [200, 2]);
  assert.deepEqual(asked, ['0', '100', '200']);
});

test('of too many jobs the latest are taken, and rates are those of the time they cover', async () => {
  const jobs = Array.from({ length: 3000 }, (_, index) => done((index + 1) / 500));
  const { recent } = await readStatus(source(jobs), { hours: 24, now: NOW });
  assert.equal(recent.hours, 2);
  assert.ok(Math.abs(recent.jobsPerHour - 500) < 1, String(recent.jobsPerHour));
});

test('a status in words', async () => {
  const status = await readStatus(source([done(1), ended(2, 'failed', 'internal')]), { hours: 24, now: NOW });
  const { lines, phases } = describeStatus(status);
  assert.deepEqual(Object.fromEntries(lines), {
    Version: '1.2.3',
    Models: 'mini (default), sd',
    Queue: '3 waiting, 1 running',
    'Last hour': '1 job, 2 pictures',
    'Last 24 hours': '1 job, 2 pictures; 1 failed, 0 canceled',
    Failures: 'internal 1',
    'This month': '4 jobs, 6 pictures, 9.0 s of work, 0.75 USD',
  });
  assert.deepEqual(phases[0], ['Phase', 'Jobs', 'p50', 'p95']);
  assert.deepEqual(
    phases.find(([phase]) => phase === 'denoise'),
    ['denoise', '1', '2.00 s', '2.00 s'],
  );
});
