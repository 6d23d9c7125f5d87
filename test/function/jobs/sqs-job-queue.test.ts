import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { createSqsJobQueue } from '../../../function/src/jobs/aws/sqs-job-queue.ts';
import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { openJobDatabase } from '../../../function/src/jobs/local/database.ts';
import { createLocalJobStore } from '../../../function/src/jobs/local/local-job-store.ts';
import { silentLogger } from '../../../function/src/jobs/logger.ts';
import { injectFaults, serviceError } from '../../support/aws/faults.ts';
import { startSqs, type TestSqs } from '../../support/aws/sqs.ts';
import { describeJobQueue, type JobQueueFixture } from './job-queue-contract.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const never = new AbortController().signal;

const openQueue = (sqs: TestSqs, options: { heartbeatSeconds?: number } = {}) => {
  const { client, queueUrl, deadLetterQueueUrl } = sqs;
  const settings = { logger: silentLogger, waitSeconds: 1, ...options };
  return createSqsJobQueue({ client: client(), queueUrl, deadLetterQueueUrl, ...settings });
};

const createFixture = async (): Promise<JobQueueFixture> => {
  const [sqs, folder] = await Promise.all([startSqs(), createTemporaryFolder()]);
  const database = await openJobDatabase(folder.path);
  const newJobId = createJobIdSource();
  const notifier = createChangeNotifier();
  const store = createLocalJobStore({ database, notifier, newJobId, now: Date.now, maxQueued: 20 });
  return {
    store,
    queue: openQueue(sqs),
    async [Symbol.asyncDispose]() {
      database.close();
      await sqs[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
};

describeJobQueue('SQS', createFixture);

describe('the SQS queue', () => {
  it('delivers again what a silent worker had, and not what a living one has', async () => {
    await using sqs = await startSqs(1);
    const living = openQueue(sqs, { heartbeatSeconds: 0 });
    const silent = openQueue(sqs);
    await living.send('kept');
    await living.extend(await living.receive(never), 60);
    await silent.send('lost');
    assert.equal((await silent.receive(never)).jobId, 'lost');
    assert.equal((await silent.receive(never)).jobId, 'lost');
  });

  it('tells SQS of a lease every 20 seconds, however often it is extended', async () => {
    await using sqs = await startSqs();
    const client = sqs.client();
    let extensions = 0;
    injectFaults(client, ({ command }) => {
      if (command === 'ChangeMessageVisibilityCommand') extensions++;
      return undefined;
    });
    let time = 1_700_000_000_000;
    const queue = createSqsJobQueue({ client, queueUrl: sqs.queueUrl, logger: silentLogger, now: () => time });
    await queue.send('a');
    const message = await queue.receive(never);
    for (let second = 0; second < 60; second++) {
      time += 1000;
      await queue.extend(message, 60);
    }
    assert.equal(extensions, 3);
  });

  it('keeps failed jobs in the dead-letter queue, and messages that it cannot read', async () => {
    await using sqs = await startSqs();
    const queue = openQueue(sqs);
    for (const MessageBody of ['not json', '{"jobId":7}'])
      await sqs.client().send(new SendMessageCommand({ QueueUrl: sqs.queueUrl, MessageBody }));
    await queue.send('poison');
    await queue.bury(await queue.receive(never));
    assert.deepEqual((await sqs.deadLetters()).sort(), ['not json', '{"jobId":"poison"}', '{"jobId":7}']);
    assert.equal(await sqs.countMessages(), 0);
  });

  it('says that it is busy, retryably and without details, when SQS keeps refusing', async () => {
    await using sqs = await startSqs();
    const client = sqs.client({ maxAttempts: 1 });
    injectFaults(client, () => ({ error: serviceError('RequestThrottled', 403), when: 'before' }));
    const queue = createSqsJobQueue({ client, queueUrl: sqs.queueUrl, logger: silentLogger });
    await assert.rejects(queue.send('a'), { code: 'unavailable', isRetryable: true, retryAfterSeconds: 1 });
  });
});
