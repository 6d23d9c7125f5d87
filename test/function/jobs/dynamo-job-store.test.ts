import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDynamoJobStore } from '../../../function/src/jobs/aws/dynamo-job-store.ts';
import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { startDynamo, type TestDynamo } from '../../support/aws/dynamodb.ts';
import { injectFaults, serviceError } from '../../support/aws/faults.ts';
import { describeJobStore } from './job-store-contract.ts';
import type { JobStoreFixture } from './job-store-fixture.ts';
import { newJob, SETTINGS } from './sample-jobs.ts';

const createFixture = async (): Promise<JobStoreFixture> => {
  const dynamo = await startDynamo();
  let time = 1_700_000_000_000;
  const store = createDynamoJobStore({
    client: dynamo.client(),
    tableName: 'jobs',
    notifier: createChangeNotifier(),
    newJobId: createJobIdSource({ now: () => time }),
    now: () => time,
    maxQueued: 20,
    retentionDays: 90,
  });
  return {
    store,
    maxQueued: 20,
    advance: (milliseconds) => {
      time += milliseconds;
    },
    [Symbol.asyncDispose]: () => dynamo[Symbol.asyncDispose](),
  };
};

describeJobStore('DynamoDB', createFixture);

const open = (dynamo: TestDynamo, faultFor?: Parameters<typeof injectFaults>[1]) => {
  const client = dynamo.client(faultFor === undefined ? {} : { maxAttempts: 1 });
  if (faultFor !== undefined) injectFaults(client, faultFor);
  const notifier = createChangeNotifier();
  const newJobId = createJobIdSource();
  return createDynamoJobStore({
    ...{ client, tableName: 'jobs', notifier, newJobId, now: Date.now, maxQueued: 20, retentionDays: 90 },
  });
};
const LEASE = { leaseMs: 60_000, maxAttempts: 3 };

describe('the DynamoDB job store', () => {
  it('makes the one job of a key when the caller was cut off between its two writes', async () => {
    await using dynamo = await startDynamo();
    let writes = 0;
    const cutOff = open(dynamo, ({ command }) =>
      command === 'PutItemCommand' && ++writes === 2 ? { error: serviceError('Cut', 400), when: 'before' } : undefined,
    );
    const request = newJob();
    await assert.rejects(cutOff.create(request), /Cut/);
    const store = open(dynamo);
    assert.equal(await store.find(request.owner, request.idempotencyKey), undefined);
    const [job, again] = await Promise.all([store.create(request), store.create(request)]);
    assert.equal(job.id, again.id);
    assert.equal((await store.counts()).queued, 1);
    await assert.rejects(store.create({ ...request, inputHash: 'other' }), { code: 'conflict' });
  });

  it('writes once what it was told to, when the answer was lost and it asks again', async () => {
    await using dynamo = await startDynamo();
    let isLost = true;
    const { id } = await open(dynamo).create(newJob());
    // Here the client repeats by itself, as it does on a broken connection.
    const client = dynamo.client();
    injectFaults(client, ({ command }) => {
      if (command !== 'UpdateItemCommand' || !isLost) return undefined;
      isLost = false;
      return { error: serviceError('InternalServerError', 500), when: 'after' };
    });
    const store = createDynamoJobStore({
      ...{ client, tableName: 'jobs', notifier: createChangeNotifier(), newJobId: createJobIdSource() },
      ...{ now: Date.now, maxQueued: 20, retentionDays: 90 },
    });
    assert.equal((await store.acquire(id, LEASE)).outcome, 'busy', 'left to its lease');
    const job = await store.get(id);
    assert.deepEqual([job?.status, job?.attempt, job?.revision], ['running', 1, 2]);
  });

  it('says that it is busy, retryably and without details, when DynamoDB keeps refusing', async () => {
    await using dynamo = await startDynamo();
    const throttled = serviceError('ProvisionedThroughputExceededException', 400);
    const store = open(dynamo, () => ({ error: throttled, when: 'before' }));
    const busy = {
      code: 'unavailable',
      isRetryable: true,
      retryAfterSeconds: 1,
      message: 'The service is busy: try again',
    };
    await assert.rejects(store.get('0'.repeat(26)), busy);
    await assert.rejects(store.create(newJob()), busy);
    await assert.rejects(store.list({ owner: 'ann', limit: 3 }), busy);
    await assert.rejects(store.counts(), busy);
  });

  it('keeps texts that DynamoDB would not', async () => {
    await using dynamo = await startDynamo();
    const store = open(dynamo);
    const { id } = await store.create(newJob({ settings: { ...SETTINGS, prompt: 'half a pair \ud83e' } }));
    assert.equal((await store.get(id))?.settings.prompt, 'half a pair \ud83e');
  });

  it('writes progress without a write to any index', async () => {
    await using dynamo = await startDynamo();
    const updates: Record<string, unknown>[] = [];
    const store = open(dynamo, ({ command, input }) => {
      if (command === 'UpdateItemCommand') updates.push(input);
      return undefined;
    });
    const { id } = await store.create(newJob());
    const acquired = await store.acquire(id, LEASE);
    assert.ok(acquired.outcome === 'acquired');
    const orders = new Set<unknown>();
    for (let step = 0; step < 3; step++) {
      await store.heartbeat({ id, attempt: 1 }, { leaseMs: 1000 * step, phase: { name: 'uploading' } });
      const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = (updates.at(-1) ??
        {}) as {
        ExpressionAttributeNames?: Record<string, string>;
        ExpressionAttributeValues?: Record<string, unknown>;
      };
      const ofIndex = Object.entries(names).filter(([, name]) => /^queue|owner|billed|ran/.test(name));
      orders.add(JSON.stringify(ofIndex.map(([key, name]) => [name, values[key.replace('#', ':')]])));
    }
    assert.equal(orders.size, 1, [...orders].join());
  });

  it('lists a page of large jobs whole', async () => {
    await using dynamo = await startDynamo();
    const store = open(dynamo);
    // Together more than DynamoDB puts into one answer to a query.
    const settings = { ...SETTINGS, prompt: 'x'.repeat(10_000), negativePrompt: 'y'.repeat(10_000) };
    const ids: string[] = [];
    for (let i = 0; i < 60; i++) {
      const { id } = await store.create(newJob({ settings }));
      await store.requestCancel(id);
      ids.unshift(id);
    }
    const { jobs, nextCursor } = await store.list({ owner: 'ann', limit: 60 });
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ids,
    );
    assert.equal(nextCursor, undefined);
  });
});
