import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectAws } from '../../../infra/src/cli/connect-aws.ts';
import { type AwsAnswer, type AwsCall, startFakeAws } from '../../support/aws/fake-aws.ts';

/** Answers one action, and fails on all others. */
const only =
  (answers: Record<string, (input: AwsCall['input']) => AwsAnswer>) =>
  ({ action, input }: AwsCall): AwsAnswer =>
    answers[action]?.(input) ?? { error: 'UnexpectedAction', message: action };

const stacks = (content: string) =>
  `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>${content}</Stacks></DescribeStacksResult></DescribeStacksResponse>`;

describe('the connection to AWS', () => {
  it('asks who it is', async () => {
    const result = '<Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>me</UserId><Account>123456789012</Account>';
    await using _ = await startFakeAws(
      only({
        GetCallerIdentity: () =>
          `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>${result}</GetCallerIdentityResult></GetCallerIdentityResponse>`,
      }),
    );
    const identity = await connectAws('eu-west-1').identity();
    assert.deepEqual(identity, { account: '123456789012', arn: 'arn:aws:iam::123456789012:user/me' });
  });

  it('reads a quota of EC2', async () => {
    await using aws = await startFakeAws(only({ GetServiceQuota: () => ({ Quota: { Value: 8 } }) }));
    assert.equal(await connectAws('eu-west-1').quota('L-3819A6DF'), 8);
    assert.deepEqual(aws.calls[0]?.input, { ServiceCode: 'ec2', QuotaCode: 'L-3819A6DF' });
  });

  it('finds the zones of instance types, over all pages', async () => {
    const item = (type: string, zone: string) =>
      `<item><instanceType>${type}</instanceType><locationType>availability-zone</locationType><location>${zone}</location></item>`;
    const page = (items: string, token = '') =>
      `<DescribeInstanceTypeOfferingsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><instanceTypeOfferingSet>${items}</instanceTypeOfferingSet>${token}</DescribeInstanceTypeOfferingsResponse>`;
    await using aws = await startFakeAws(
      only({
        DescribeInstanceTypeOfferings: ({ NextToken }) =>
          NextToken === undefined
            ? page(item('g6.xlarge', 'eu-west-1a'), '<nextToken>more</nextToken>')
            : page(item('g6.xlarge', 'eu-west-1b')),
      }),
    );
    const zones = await connectAws('eu-west-1').zonesOffering(['g6.xlarge', 'g5.xlarge']);
    assert.deepEqual(
      [...zones],
      [
        ['g6.xlarge', ['eu-west-1a', 'eu-west-1b']],
        ['g5.xlarge', []],
      ],
    );
    assert.equal(aws.calls[0]?.input['Filter.1.Value.2'], 'g5.xlarge');
  });

  it('reads a stack’s outputs', async () => {
    const output = '<member><OutputKey>EndpointUrl</OutputKey><OutputValue>https://example.com</OutputValue></member>';
    const member = `<member><StackName>safelight</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${output}</Outputs></member>`;
    await using _ = await startFakeAws(only({ DescribeStacks: () => stacks(member) }));
    assert.deepEqual(await connectAws('eu-west-1').stack('safelight'), {
      status: 'CREATE_COMPLETE',
      outputs: { EndpointUrl: 'https://example.com' },
    });
  });

  it('tells a stack that is not there from one it may not see', async () => {
    const missing = { error: 'ValidationError', message: 'Stack with id safelight does not exist' };
    const denied = { error: 'AccessDenied', message: 'not authorized' };
    let answer = missing;
    await using _ = await startFakeAws(only({ DescribeStacks: () => answer }));
    assert.equal(await connectAws('eu-west-1').stack('safelight'), undefined);
    answer = denied;
    await assert.rejects(connectAws('eu-west-1').stack('safelight'), /not authorized/);
  });

  it('knows whether there are keys without reading them', async () => {
    let Count = 0;
    await using aws = await startFakeAws(only({ Scan: () => ({ Count }) }));
    assert.equal(await connectAws('eu-west-1').hasApiKeys('keys'), false);
    Count = 1;
    assert.equal(await connectAws('eu-west-1').hasApiKeys('keys'), true);
    assert.deepEqual(aws.calls[0]?.input, { TableName: 'keys', Limit: 1, Select: 'COUNT' });
  });

  it('puts a secret where there is none, never over another', async () => {
    let isThere = false;
    await using aws = await startFakeAws(
      only({
        PutParameter: () =>
          isThere ? { error: 'ParameterAlreadyExists', message: 'The parameter already exists' } : { Version: 1 },
      }),
    );
    assert.equal(await connectAws('eu-west-1').createSecret('/a/b', 'whsec_x'), true);
    isThere = true;
    assert.equal(await connectAws('eu-west-1').createSecret('/a/b', 'whsec_y'), false);
    for (const { input } of aws.calls) {
      assert.equal(input.Type, 'SecureString');
      assert.ok(!input.Overwrite);
    }
  });

  it('deletes a secret, or finds none', async () => {
    let isThere = true;
    await using _ = await startFakeAws(
      only({ DeleteParameter: () => (isThere ? {} : { error: 'ParameterNotFound', message: 'not found' }) }),
    );
    assert.equal(await connectAws('eu-west-1').deleteSecret('/a/b'), true);
    isThere = false;
    assert.equal(await connectAws('eu-west-1').deleteSecret('/a/b'), false);
  });

  it('pauses the dispatcher in the item that it reads, and makes one that is deciding give way', async () => {
    await using aws = await startFakeAws(only({ UpdateItem: () => ({}) }));
    await connectAws('eu-west-1').pauseDispatcher('fleet');
    const { Key, UpdateExpression, ExpressionAttributeValues } = aws.calls[0]?.input ?? assert.fail();
    assert.deepEqual(Key, { pk: { S: 'fleet' } });
    assert.match(UpdateExpression, /pausedUntil = :forEver ADD #version :one/);
    assert.ok(Number(ExpressionAttributeValues[':forEver'].N) > Date.now());
  });

  it('stops every worker and waits until they are gone', async () => {
    let looks = 0;
    await using aws = await startFakeAws(
      only({
        ListTasks: ({ nextToken }) => (nextToken ? { taskArns: ['b'] } : { taskArns: ['a'], nextToken: 'more' }),
        StopTask: () => ({}),
        DescribeTasks: ({ tasks }) => {
          looks++;
          return { tasks: (tasks as string[]).map((taskArn) => ({ taskArn, lastStatus: 'STOPPED' })) };
        },
      }),
    );
    assert.equal(await connectAws('eu-west-1').stopWorkers('cluster'), 2);
    const stopped = aws.calls.filter(({ action }) => action === 'StopTask').map(({ input }) => input.task);
    assert.deepEqual(stopped, ['a', 'b']);
    assert.ok(looks > 0);
  });

  it('deletes the log groups of a prefix', async () => {
    await using aws = await startFakeAws(
      only({
        DescribeLogGroups: () => ({ logGroups: [{ logGroupName: '/aws/lambda/safelight-Custom' }] }),
        DeleteLogGroup: () => ({}),
      }),
    );
    const deleted = await connectAws('eu-west-1').deleteLogGroups('/aws/lambda/safelight-');
    assert.deepEqual(deleted, ['/aws/lambda/safelight-Custom']);
    assert.equal(aws.calls[0]?.input.logGroupNamePrefix, '/aws/lambda/safelight-');
    assert.deepEqual(aws.calls.at(-1)?.input, { logGroupName: '/aws/lambda/safelight-Custom' });
  });
});
