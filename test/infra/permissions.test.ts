import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { actionsOf, allowing, statementsOf, synthesize } from './synthesize.ts';

const stack = synthesize();

/** Everything each role may do: whoever adds a permission adds it here too, and says why in the construct. */
const ALLOWED: Record<string, string[]> = {
  WorkersTaskTaskRole: [
    ...['dynamodb:GetItem', 'dynamodb:UpdateItem'],
    ...['s3:GetObject', 's3:ListBucket', 's3:PutObject'],
    ...['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:ReceiveMessage', 'sqs:SendMessage'],
    'ssm:GetParameter',
  ],
  WorkersTaskExecutionRole: [
    ...[
      'ecr:BatchCheckLayerAvailability',
      'ecr:BatchGetImage',
      'ecr:GetAuthorizationToken',
      'ecr:GetDownloadUrlForLayer',
    ],
    ...['logs:CreateLogStream', 'logs:PutLogEvents'],
  ],
  DispatcherFunctionRole: [
    ...['dynamodb:DescribeStream', 'dynamodb:GetItem', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
    ...['dynamodb:ListStreams', 'dynamodb:PutItem'],
    ...['ecs:DescribeTasks', 'ecs:ListTasks', 'ecs:RunTask', 'ecs:StopTask', 'iam:PassRole'],
    ...['logs:CreateLogStream', 'logs:PutLogEvents', 'sqs:GetQueueAttributes'],
  ],
  ApiFunctionRole: [
    ...['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
    ...['logs:CreateLogStream', 'logs:PutLogEvents'],
    ...['s3:GetObject', 's3:PutObject', 'sqs:SendMessage'],
  ],
  HousekeeperFunctionRole: [
    ...['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem', 'logs:CreateLogStream', 'logs:PutLogEvents'],
    ...['sqs:GetQueueAttributes', 'sqs:SendMessage', 'ssm:GetParameter'],
  ],
  ApiAuthorizerRole: ['dynamodb:GetItem', 'logs:CreateLogStream', 'logs:PutLogEvents'],
  ApiStreamRole: [
    ...['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
    ...['logs:CreateLogStream', 'logs:PutLogEvents', 's3:GetObject'],
  ],
};

describe('least privilege', () => {
  for (const [role, actions] of Object.entries(ALLOWED))
    it(`${role} may do this and no more`, () => {
      assert.deepEqual(actionsOf(statementsOf(stack, role)), actions);
    });

  it('no role of ours may do everything of a kind', () => {
    for (const role of Object.keys(ALLOWED))
      for (const action of actionsOf(statementsOf(stack, role))) assert.doesNotMatch(action, /\*/, role);
  });

  it('resources are named: all of them only where AWS knows no names', () => {
    const nameless = new Set(['ecs:ListTasks', 'ecr:GetAuthorizationToken', 'dynamodb:ListStreams']);
    for (const role of Object.keys(ALLOWED))
      for (const { Action, Resource } of statementsOf(stack, role)) {
        if (![Resource].flat().includes('*')) continue;
        for (const action of [Action].flat()) assert.ok(nameless.has(action), `${role}: ${action}`);
      }
  });

  it('the dispatcher runs one task definition, in one cluster, and hands over two roles, to ECS alone', () => {
    const statements = statementsOf(stack, 'DispatcherFunctionRole');
    for (const action of ['ecs:RunTask', 'ecs:DescribeTasks', 'ecs:StopTask', 'ecs:ListTasks'])
      for (const { Condition } of allowing(statements, action)) assert.match(JSON.stringify(Condition), /ecs:cluster/);
    assert.match(JSON.stringify(allowing(statements, 'ecs:RunTask')[0]?.Resource), /WorkersTask/);
    const [pass] = allowing(statements, 'iam:PassRole');
    assert.equal([pass?.Resource].flat().length, 2);
    assert.match(JSON.stringify(pass?.Condition), /ecs-tasks\.amazonaws\.com/);
  });

  it('API keys are read by the authorizer and the stream, and written by no function', () => {
    for (const role of Object.keys(ALLOWED)) {
      const statements = statementsOf(stack, role).filter(({ Resource }) => /KeysTable/.test(JSON.stringify(Resource)));
      const expected = role === 'ApiAuthorizerRole' || role === 'ApiStreamRole' ? ['dynamodb:GetItem'] : [];
      assert.deepEqual(actionsOf(statements), expected, role);
    }
  });

  it('the secret of webhooks is read by whoever sends them, and is the only parameter that is', () => {
    for (const role of Object.keys(ALLOWED)) {
      const [first, ...others] = allowing(statementsOf(stack, role), 'ssm:GetParameter');
      const arn = JSON.stringify(first?.Resource);
      if (role === 'WorkersTaskTaskRole' || role === 'HousekeeperFunctionRole')
        assert.match(arn, /:ssm:us-east-1:.*:parameter\/safelight\/safelight\/webhook-secrets"/);
      else assert.equal(first, undefined, role);
      assert.deepEqual(others, []);
    }
  });

  it('no function writes models, and pictures are written by workers alone', () => {
    for (const role of Object.keys(ALLOWED))
      for (const { Resource } of allowing(statementsOf(stack, role), 's3:PutObject')) {
        const written = JSON.stringify(Resource);
        assert.doesNotMatch(written, /StorageModels/);
        assert.match(written, role === 'WorkersTaskTaskRole' ? /\/jobs\/\*/ : /\/uploads\/\*/);
      }
  });

  it('only the stream’s URL stands open, as the stream checks keys itself', () => {
    const open = stack
      .resources('AWS::Lambda::Permission')
      .filter(([, { Properties }]) => Properties.Principal === '*');
    assert.ok(open.length > 0);
    for (const [, { Properties }] of open) assert.match(JSON.stringify(Properties.FunctionName), /ApiStream/);
  });
});
