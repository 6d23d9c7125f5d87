import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEASE_SECONDS, QUEUE, STOP_TIMEOUT_SECONDS, TABLES } from '../../function/src/aws/environment.ts';
import { only, synthesize } from './synthesize.ts';

const { template, resources } = synthesize();

describe('storage', () => {
  it('encrypts buckets, closes them to the public and to connections without TLS', () => {
    const buckets = resources('AWS::S3::Bucket');
    assert.equal(buckets.length, 2);
    for (const [id, { Properties }] of buckets) {
      assert.deepEqual(Properties.PublicAccessBlockConfiguration, {
        ...{ BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
      });
      const [rule] = Properties.BucketEncryption.ServerSideEncryptionConfiguration;
      assert.equal(rule.ServerSideEncryptionByDefault.SSEAlgorithm, 'AES256');
      assert.equal(Properties.OwnershipControls.Rules[0].ObjectOwnership, 'BucketOwnerEnforced');
      const policies = resources('AWS::S3::BucketPolicy').filter(([, policy]) => policy.Properties.Bucket.Ref === id);
      const denials = policies
        .flatMap(([, policy]) => policy.Properties.PolicyDocument.Statement)
        .filter(({ Effect }) => Effect === 'Deny');
      assert.ok(denials.some(({ Condition }) => Condition.Bool?.['aws:SecureTransport'] === 'false'));
    }
  });

  it('deletes pictures and uploads after their time, and what was never finished', () => {
    const rules = resources('AWS::S3::Bucket').flatMap(([, { Properties }]) => Properties.LifecycleConfiguration.Rules);
    const days = (prefix: string) => rules.find(({ Prefix }) => Prefix === prefix)?.ExpirationInDays;
    assert.deepEqual([days('jobs/'), days('uploads/')], [30, 1]);
    assert.equal(rules.filter((rule) => rule.AbortIncompleteMultipartUpload !== undefined).length, 2);
  });

  it('creates the tables the code expects, paid by request, with backups', () => {
    const tables = resources('AWS::DynamoDB::GlobalTable').map(([, { Properties }]) => Properties);
    assert.equal(tables.length, Object.keys(TABLES).length);
    for (const table of tables) {
      assert.equal(table.BillingMode, 'PAY_PER_REQUEST');
      assert.equal(table.Replicas[0].PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled, true);
    }
    const jobs = tables.find(({ GlobalSecondaryIndexes }) => GlobalSecondaryIndexes !== undefined);
    const indexes = jobs.GlobalSecondaryIndexes.map((index: { IndexName: string }) => index.IndexName);
    assert.deepEqual(indexes.sort(), Object.keys(TABLES.jobs.indexes).sort());
    assert.equal(jobs.TimeToLiveSpecification.AttributeName, TABLES.jobs.timeToLiveAttribute);
  });

  it('shows the dispatcher keys of new jobs, never their prompts', () => {
    template.hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      StreamSpecification: { StreamViewType: 'KEYS_ONLY' },
    });
  });
});

describe('the queue', () => {
  const queues = resources('AWS::SQS::Queue').map(([, { Properties }]) => Properties);
  const [queue] = queues.filter(({ RedrivePolicy }) => RedrivePolicy !== undefined);

  it('is encrypted, and takes nothing without TLS', () => {
    assert.equal(queues.length, 2);
    for (const { SqsManagedSseEnabled } of queues) assert.equal(SqsManagedSseEnabled, true);
    for (const [, { Properties }] of resources('AWS::SQS::QueuePolicy'))
      assert.equal(Properties.PolicyDocument.Statement[0].Condition.Bool['aws:SecureTransport'], 'false');
    assert.equal(resources('AWS::SQS::QueuePolicy').length, 2);
  });

  it('hides a message for longer than two heartbeats, and no longer than the lease', () => {
    assert.ok(queue.VisibilityTimeout > 2 * QUEUE.heartbeatSeconds);
    assert.ok(queue.VisibilityTimeout <= LEASE_SECONDS);
  });

  it('puts a message aside that nobody can handle, after more receives than a job has tries', () => {
    assert.equal(queue.RedrivePolicy.maxReceiveCount, QUEUE.maxReceiveCount);
    assert.ok(queue.RedrivePolicy.maxReceiveCount > 10);
  });

  it('keeps messages longer than the 12 hours that SQS lets a worker hold one', () => {
    for (const { MessageRetentionPeriod } of queues) assert.ok(MessageRetentionPeriod > 2 * 12 * 3600);
  });
});

describe('the network', () => {
  it('lets nobody in, and only HTTPS out', () => {
    const [group] = resources('AWS::EC2::SecurityGroup').map(([, { Properties }]) => Properties);
    assert.equal(group.SecurityGroupIngress, undefined);
    assert.equal(resources('AWS::EC2::SecurityGroupIngress').length, 0);
    const ports = group.SecurityGroupEgress.map((rule: { FromPort: number; ToPort: number }) => [
      rule.FromPort,
      rule.ToPort,
    ]);
    assert.deepEqual(ports, [[443, 443]]);
  });

  it('has free gateways to S3 and DynamoDB', () => {
    const types = resources('AWS::EC2::VPCEndpoint').map(([, { Properties }]) => Properties.VpcEndpointType);
    assert.deepEqual(types, ['Gateway', 'Gateway']);
  });

  it('lies in the zones it is told', () => {
    const told = synthesize({}, { 'safelight:zones': 'us-east-1a,us-east-1c,us-east-1d' });
    const zones = told.resources('AWS::EC2::Subnet').map(([, { Properties }]) => Properties.AvailabilityZone);
    assert.deepEqual(zones, ['us-east-1a', 'us-east-1c', 'us-east-1d']);
  });
});

describe('cost while idle', () => {
  it('has nothing that is paid by the hour', () => {
    const hourly =
      /NatGateway|LoadBalanc|AWS::EC2::(Instance|EIP)$|AutoScalingGroup|AWS::ECS::Service|Interface|AWS::KMS::Key$|SecretsManager/;
    const types = Object.values(template.toJSON().Resources as Record<string, { Type: string }>).map(
      ({ Type }) => Type,
    );
    assert.deepEqual(
      types.filter((type) => hourly.test(type)),
      [],
    );
  });

  it('leaves nothing behind when the stack goes', () => {
    const all = Object.entries(
      template.toJSON().Resources as Record<string, { DeletionPolicy?: string; Type: string }>,
    );
    const kept = all.filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain' || DeletionPolicy === 'Snapshot');
    assert.deepEqual(kept, []);
    assert.equal(resources('Custom::S3AutoDeleteObjects').length, resources('AWS::S3::Bucket').length);
  });

  it('gives up logs after their time', () => {
    const groups = resources('AWS::Logs::LogGroup');
    assert.ok(groups.length >= 6);
    for (const [id, { Properties }] of groups) assert.equal(Properties.RetentionInDays, 30, id);
  });

  it('gives every function a log of its own', () => {
    const own = resources('AWS::Lambda::Function').filter(([id]) => !id.startsWith('CustomS3AutoDelete'));
    for (const [id, { Properties }] of own) assert.ok(Properties.LoggingConfig.LogGroup.Ref, id);
  });
});

describe('workers', () => {
  const task = only(resources('AWS::ECS::TaskDefinition'));
  const { ContainerDefinitions, NetworkMode, Volumes } = task.Properties as {
    ContainerDefinitions: [Record<string, unknown> & { Environment: { Name: string; Value: unknown }[] }];
    NetworkMode: string;
    Volumes: { Name: string }[];
  };
  const [container] = ContainerDefinitions;

  it('have one GPU, no root, and a file system they cannot change but for models and temporary files', () => {
    assert.deepEqual(container.ResourceRequirements, [{ Type: 'GPU', Value: '1' }]);
    assert.equal(container.User, 'node');
    assert.equal(container.ReadonlyRootFilesystem, true);
    assert.deepEqual(
      Volumes.map(({ Name }) => Name),
      ['models', 'tmp'],
    );
    assert.equal(container.Privileged, undefined);
    assert.equal(NetworkMode, 'host');
  });

  it('have less time to stop than a spot notice gives', () => {
    assert.equal(container.StopTimeout, STOP_TIMEOUT_SECONDS);
    assert.ok(STOP_TIMEOUT_SECONDS < 120);
  });

  it('are told where their models are, and compute on CUDA', () => {
    const value = (name: string) => container.Environment.find(({ Name }) => Name === name)?.Value;
    assert.equal(value('SAFELIGHT_PROVIDER'), 'cuda');
    assert.equal(value('SAFELIGHT_MODELS_DIR'), '/models');
    assert.equal(value('SAFELIGHT_BATCH'), '4');
    assert.match(JSON.stringify(value('SAFELIGHT_MODELS')), /s3:\/\/.*\/sd-v1-4/);
  });

  it('run on the wanted machines, on spot and on demand, that go soon after the last job', () => {
    const providers = resources('AWS::ECS::CapacityProvider').map(
      ([, { Properties }]) => Properties.ManagedInstancesProvider,
    );
    const options = providers.map(({ InstanceLaunchTemplate }) => InstanceLaunchTemplate.CapacityOptionType);
    assert.deepEqual(options.sort(), ['ON_DEMAND', 'SPOT']);
    for (const { InstanceLaunchTemplate, InfrastructureOptimization } of providers) {
      assert.deepEqual(InstanceLaunchTemplate.InstanceRequirements.AllowedInstanceTypes, ['g4dn.xlarge']);
      assert.equal(InstanceLaunchTemplate.LocalStorageConfiguration.UseLocalStorage, true);
      assert.ok(InfrastructureOptimization.ScaleInAfter <= 300);
    }
  });
});

describe('the dispatcher', () => {
  it('wakes for new jobs only, and once a minute', () => {
    const mapping = only(resources('AWS::Lambda::EventSourceMapping'));
    const { FilterCriteria } = mapping.Properties as { FilterCriteria: { Filters: [{ Pattern: string }] } };
    assert.deepEqual(JSON.parse(FilterCriteria.Filters[0].Pattern), {
      eventName: ['INSERT'],
      dynamodb: { Keys: { pk: { S: [{ prefix: 'job#' }] } } },
    });
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(1 minute)' });
  });

  it('is done before the clock wakes it again', () => {
    const dispatcher = resources('AWS::Lambda::Function').find(
      ([, { Properties }]) => Properties.Description === 'Safelight: starts GPU workers',
    );
    assert.ok(dispatcher?.[1].Properties.Timeout < 60);
  });
});

describe('alarms', () => {
  const alarms = resources('AWS::CloudWatch::Alarm').map(([id, { Properties }]) => ({ id, ...Properties }));
  const alarm = (id: string) => alarms.find((candidate) => candidate.id.includes(id));

  it('tell of dead letters, stuck jobs, refused starts, failing jobs and broken functions', () => {
    assert.equal(alarm('DeadLetters')?.Threshold, 1);
    assert.equal(alarm('StuckJob')?.MetricName, 'ApproximateAgeOfOldestMessage');
    for (const id of ['StartsRefused', 'JobsFail', 'DispatcherErrors', 'ApiErrors']) assert.ok(alarm(id), id);
  });

  it('reach somebody, and stay quiet while nothing happens', () => {
    for (const { id, AlarmActions, TreatMissingData } of alarms) {
      assert.equal(AlarmActions.length, 1, id);
      assert.equal(TreatMissingData, 'notBreaching', id);
    }
  });

  it('go to the configured address, with warnings about spending', () => {
    const mailed = synthesize({ alarmEmail: 'owner@example.com' });
    mailed.template.hasResourceProperties('AWS::SNS::Subscription', {
      ...{ Protocol: 'email', Endpoint: 'owner@example.com' },
    });
    const budget = only(mailed.resources('AWS::Budgets::Budget'));
    const { Budget, NotificationsWithSubscribers } = budget.Properties as {
      Budget: { BudgetLimit: unknown };
      NotificationsWithSubscribers: { Notification: { Threshold: number }; Subscribers: { Address: string }[] }[];
    };
    assert.deepEqual(Budget.BudgetLimit, { Amount: 20, Unit: 'USD' });
    assert.deepEqual(
      NotificationsWithSubscribers.map(({ Notification, Subscribers }) => [
        Notification.Threshold,
        Subscribers[0]?.Address,
      ]),
      [50, 80, 100, 100].map((share) => [share, 'owner@example.com']),
    );
  });
});

describe('deploy’s context', () => {
  it('offers the models it is told', () => {
    const told = synthesize({}, { 'safelight:models': 'dreams,v1-5' });
    told.template.hasOutput('Models', { Value: 'dreams,v1-5' });
  });
});
