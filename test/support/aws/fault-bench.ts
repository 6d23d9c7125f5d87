/** What tests of faults have in common: jobs, and what became of them. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { isFinished, type JobRecord } from '../../../function/src/jobs/job-record.ts';
import { fakeImageData } from '../../function/jobs/fake-engine.ts';
import { newJob } from '../../function/jobs/sample-jobs.ts';
import { serviceError } from './faults.ts';
import type { Stack } from './stack.ts';

/** Whose jobs they are. */
export const OWNER = 'ann';

/** Stores a job and sends its message. */
export const submit = async (
  { services }: Stack,
  differences: Parameters<typeof newJob>[0] = {},
): Promise<JobRecord> => {
  const job = await services.store.create(newJob({ owner: OWNER, ...differences }));
  await services.queue.send(job.id);
  return job;
};

/** The job once it has ended. */
export const finished = async (stack: Stack, id: string): Promise<JobRecord> => {
  for (let tries = 0; tries < 2000; tries++) {
    const job = await stack.services.store.get(id);
    if (job !== undefined && isFinished(job)) return job;
    await delay(10);
  }
  assert.fail(`Job ${id} did not finish:\n${stack.log.slice(-20).join('\n')}`);
};

/** Resolves when the job is seen in a phase. */
export const untilPhase = async (stack: Stack, id: string, name: string): Promise<void> => {
  while ((await stack.services.store.get(id))?.phase?.name !== name) await delay(5);
};

/** How many jobs an owner is billed for. */
export const billedJobs = async ({ services }: Stack): Promise<number> => {
  const entries = await services.store.usage({ owner: OWNER, from: '2020-01-01', to: '2120-01-01' });
  return entries.reduce((total, { jobs }) => total + jobs, 0);
};

/** The stored picture is the one that the job's seed makes. */
export const checkPicture = async ({ s3 }: Stack, job: JobRecord): Promise<void> => {
  const [image] = job.result?.images ?? [];
  assert.ok(image, `${job.status} ${job.error?.message}`);
  assert.deepEqual(new Uint8Array(s3.objects.get(`pictures/${image.key}`)?.body ?? []), fakeImageData(image.seed));
};

/** What a request of a killed worker comes to. */
export const dead = () => serviceError('TheWorkerIsDead', 400);
/** Short leases, so that a lost worker costs little time. */
export const SHORT = { leaseSeconds: 0.4, heartbeatMs: 100, maxAttempts: 100 };
/** Without heartbeats, a job takes two reads and two writes of its record: taking it and finishing it. */
export const QUIET = { heartbeatMs: 60_000, phaseIntervalMs: 60_000 };
