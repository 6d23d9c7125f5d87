import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type AwsCall, startFakeAws } from '../../support/aws/fake-aws.ts';

const ENVIRONMENT = {
  ...{ SAFELIGHT_FLEET_TABLE: 'fleet', SAFELIGHT_CLUSTER: 'cluster', SAFELIGHT_TASK_DEFINITION: 'family:3' },
  ...{ SAFELIGHT_TASK_FAMILY: 'family', SAFELIGHT_SPOT_PROVIDER: 'spot', SAFELIGHT_ON_DEMAND_PROVIDER: 'on-demand' },
  ...{ SAFELIGHT_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/jobs', AWS_REGION: 'us-east-1' },
  SAFELIGHT_DISPATCH_POLICY: JSON.stringify({
    ...{ maxWorkers: 2, messagesPerWorker: 10, capacities: 'spot-then-on-demand', spotPatienceSeconds: 180 },
    ...{ spotRetrySeconds: 900, startTimeoutSeconds: 900, idleSeconds: 120, keepWarmSeconds: 0 },
  }),
};

describe('the dispatcher’s Lambda', () => {
  let aws: Awaited<ReturnType<typeof startFakeAws>>;
  let handler: (event: { Records?: unknown[] }) => Promise<void>;
  let waiting: number;
  let taken: number;
  let item: object | undefined;

  const answer = ({ action, input }: AwsCall) => {
    if (action === 'GetItem') return item === undefined ? {} : { Item: item };
    if (action === 'PutItem') item = input.Item;
    if (action === 'GetQueueAttributes') {
      const [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible] = [`${waiting}`, `${taken}`];
      return { Attributes: { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible } };
    }
    if (action === 'ListTasks') return { taskArns: [] };
    if (action === 'RunTask') return { tasks: [{ taskArn: `arn-${input.clientToken}` }] };
    return {};
  };
  const started = () => aws.calls.filter(({ action }) => action === 'RunTask').map(({ input }) => input);

  before(async () => {
    Object.assign(process.env, ENVIRONMENT);
    aws = await startFakeAws(answer);
    // The queue's own address is AWS'; the emulator stands for it.
    process.env.SAFELIGHT_QUEUE_URL = `${process.env.AWS_ENDPOINT_URL}/123456789012/jobs`;
    ({ handler } = await import('../../../function/src/dispatcher/handler.ts'));
  });
  after(() => aws[Symbol.asyncDispose]());
  beforeEach(() => {
    aws.calls.length = 0;
    [waiting, taken, item] = [0, 0, undefined];
  });

  it('starts nothing when the clock wakes it and nothing waits', async () => {
    await handler({});
    assert.deepEqual(started(), []);
  });

  it('starts workers for what waits and what is taken', async () => {
    [waiting, taken] = [10, 1];
    await handler({});
    assert.deepEqual(
      started().map(({ cluster, taskDefinition, capacityProviderStrategy }) => [
        ...[cluster, taskDefinition, capacityProviderStrategy[0].capacityProvider],
      ]),
      [
        ['cluster', 'family:3', 'spot'],
        ['cluster', 'family:3', 'spot'],
      ],
    );
    assert.equal(new Set(started().map(({ clientToken }) => clientToken)).size, 2, 'each start has a token of its own');
  });

  it('believes the stream that a job came, though SQS says there is none', async () => {
    await handler({ Records: [{ eventName: 'INSERT' }] });
    assert.equal(started().length, 1);
  });

  it('remembers what it started from one run to the next', async () => {
    waiting = 1;
    await handler({});
    await handler({});
    assert.equal(started().length, 1);
  });
});
