import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readHousekeeperConfig } from '../../../function/src/housekeeper/config.ts';
import { keepHouse } from '../../../function/src/housekeeper/keep-house.ts';
import { createDynamoJobStore } from '../../../function/src/jobs/aws/dynamo-job-store.ts';
import { createSqsJobQueue } from '../../../function/src/jobs/aws/sqs-job-queue.ts';
import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { silentLogger } from '../../../function/src/jobs/logger.ts';
import type { SendWebhookOptions, WebhookResult } from '../../../function/src/webhooks/send-webhook.ts';
import { startDynamo } from '../../support/aws/dynamodb.ts';
import { startSqs } from '../../support/aws/sqs.ts';
import { newJob } from '../jobs/sample-jobs.ts';

const LEASE = { leaseMs: 60_000, maxAttempts: 3 };
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const HOOK = 'https://receiver.example/hook';
const ERROR = { code: 'internal', message: 'm', isRetryable: false } as const;

const createBench = async () => {
  const [dynamo, sqs] = await Promise.all([startDynamo(), startSqs()]);
  const clients = { dynamo: dynamo.client(), sqs: sqs.client() };
  let time = 1_700_000_000_000;
  const now = () => time;
  const store = createDynamoJobStore({
    ...{ client: clients.dynamo, tableName: 'jobs', notifier: createChangeNotifier(), now, maxQueued: 100 },
    ...{ newJobId: createJobIdSource({ now }), retentionDays: 90 },
  });
  const queue = createSqsJobQueue({ client: clients.sqs, queueUrl: sqs.queueUrl, logger: silentLogger });
  const sent: SendWebhookOptions[] = [];
  const answers: WebhookResult[] = [];
  const config = readHousekeeperConfig({
    SAFELIGHT_JOBS_TABLE: 'jobs',
    SAFELIGHT_QUEUE_URL: sqs.queueUrl,
  });
  return {
    ...{ store, queue, sqs, sent, answers },
    advance: (milliseconds: number) => {
      time += milliseconds;
    },
    round: (options: Partial<Parameters<typeof keepHouse>[0]> = {}) =>
      keepHouse({
        ...{
          config,
          clients,
          now,
          webhookSecrets: async () => [SECRET],
          random: () => 0,
          logger: silentLogger,
          signal: new AbortController().signal,
        },
        send: async (message) => {
          sent.push(message);
          return answers.shift() ?? { outcome: 'delivered' };
        },
        ...options,
      }),
    /** A job that failed a moment ago. */
    async end(webhookUrl: string | null): Promise<string> {
      const { id } = await store.create(newJob({ webhookUrl }));
      const acquired = await store.acquire(id, LEASE);
      assert.ok(acquired.outcome === 'acquired');
      await store.fail({ id, attempt: acquired.job.attempt }, ERROR);
      return id;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([dynamo[Symbol.asyncDispose](), sqs[Symbol.asyncDispose]()]);
    },
  };
};

describe('the end of a job', () => {
  it('is announced once, signed, with nothing but its name and outcome', async () => {
    await using bench = await createBench();
    const id = await bench.end(HOOK);
    await bench.end(null);
    const canceled = await bench.store.create(newJob({ webhookUrl: HOOK }));
    await bench.store.requestCancel(canceled.id);
    await bench.store.create(newJob({ webhookUrl: HOOK }));
    assert.deepEqual(await bench.round(), { revived: 0, announced: 2 });
    const message = bench.sent.find(({ id: messageId }) => messageId === `job_${id}`);
    assert.equal(message?.url, HOOK);
    assert.equal(message?.allowsPrivate, false);
    const body = { type: 'job.failed', timestamp: '2023-11-14T22:13:20.000Z', data: { jobId: id } };
    assert.deepEqual(JSON.parse(message?.body ?? ''), body);
    assert.match(message?.sign({ id: 'a', body: 'b', sentAt: 0 })['webhook-signature'] ?? '', /^v1,/);
    assert.deepEqual(bench.sent.map(({ body }) => JSON.parse(body).type).sort(), ['job.canceled', 'job.failed']);
    bench.advance(86_400_000);
    assert.equal((await bench.round()).announced, 0);
  });

  it('is announced again after growing pauses when nobody took it, and given up in the end', async () => {
    await using bench = await createBench();
    await bench.end(HOOK);
    const fail = () => {
      bench.answers.push({ outcome: 'failed', reason: 'status 500' });
      return bench.round();
    };
    assert.equal((await fail()).announced, 1);
    const [second, minute, hour] = [1000, 60_000, 3_600_000];
    const pauses = [5 * second, 5 * minute, 30 * minute, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * hour)];
    for (const pause of pauses) {
      bench.advance(pause - 1);
      assert.equal((await bench.round()).announced, 0, `before ${pause} ms`);
      bench.advance(1);
      assert.equal((await fail()).announced, 1, `after ${pause} ms`);
    }
    bench.advance(30 * 24 * hour);
    assert.equal((await bench.round()).announced, 0);
  });

  it('is not announced to a private address, nor tried again there', async () => {
    await using bench = await createBench();
    await bench.end('https://169.254.169.254/latest/meta-data');
    // The real sender.
    const { sendWebhook } = await import('../../../function/src/webhooks/send-webhook.ts');
    assert.equal((await bench.round({ send: sendWebhook })).announced, 1);
    bench.advance(86_400_000);
    assert.equal((await bench.round()).announced, 0);
  });

  it('is announced by one of several who look at the same time', async () => {
    await using bench = await createBench();
    for (let i = 0; i < 5; i++) await bench.end(HOOK);
    await Promise.all([bench.round(), bench.round(), bench.round()]);
    assert.deepEqual([bench.sent.length, new Set(bench.sent.map(({ id }) => id)).size], [5, 5]);
  });

  it('is announced by the next who looks, when one was killed while sending', async () => {
    await using bench = await createBench();
    await bench.end(HOOK);
    await assert.rejects(bench.round({ send: () => Promise.reject(new Error('killed')) }), /killed/);
    assert.equal((await bench.round()).announced, 0, 'left to the other for a minute');
    bench.advance(60_000);
    assert.equal((await bench.round()).announced, 1);
    assert.equal(bench.sent.length, 1);
  });
});

describe('a job without a message', () => {
  const never = new AbortController().signal;

  it('is put back into the queue after two minutes', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    assert.equal((await bench.round()).revived, 0);
    bench.advance(120_000);
    assert.equal((await bench.round()).revived, 1);
    assert.equal((await bench.queue.receive(never)).jobId, id);
  });

  it('is left alone while others wait, and while its worker lives', async () => {
    await using bench = await createBench();
    const { id } = await bench.store.create(newJob());
    await bench.queue.send(id);
    bench.advance(120_000);
    assert.equal((await bench.round()).revived, 0, 'its message waits');
    await bench.queue.receive(never);
    const acquired = await bench.store.acquire(id, { ...LEASE, leaseMs: 600_000 });
    assert.equal(acquired.outcome, 'acquired');
    bench.advance(719_000);
    assert.equal((await bench.round()).revived, 0, 'its lease');
    bench.advance(2000);
    assert.equal((await bench.round()).revived, 1, 'its worker is gone');
  });
});
