import { JOB_KEY_PREFIX } from '@safelight/function/aws/environment';
import {
  Duration,
  type aws_dynamodb as dynamodb,
  aws_events as events,
  aws_events_targets as eventTargets,
  type aws_iam as iam,
  aws_lambda as lambda,
  Stack,
  aws_lambda_event_sources as sources,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { Config } from '../config.ts';
import { allow, allowTable, logicalId } from '../grants.ts';
import { createFunction, type SafelightFunction } from './function.ts';
import type { GpuWorkers } from './gpu-workers.ts';
import type { Jobs } from './jobs.ts';
import type { Storage } from './storage.ts';

export interface DispatcherProps {
  readonly jobs: Jobs;
  readonly storage: Storage;
  readonly workers: GpuWorkers;
  readonly policy: Config['workers'];
  readonly logDays: number;
}

/** How long a worker may take until it runs: several times what boot and image should need. */
const START_TIMEOUT_SECONDS = 900;

/** Starts workers: when a job is stored, and once a minute for whatever that missed. */
export class Dispatcher extends Construct {
  readonly handler: SafelightFunction;

  constructor(scope: Construct, id: string, props: DispatcherProps) {
    super(scope, id);
    const { jobs, storage, workers, policy, logDays } = props;
    this.handler = createFunction(this, 'Function', {
      entryPoint: 'dispatcher',
      description: 'Safelight: starts GPU workers',
      timeout: Duration.seconds(30),
      memoryMb: 256,
      logDays,
      variables: {
        queueUrl: jobs.queue.queueUrl,
        fleetTable: storage.tables.fleet.tableName,
        cluster: workers.cluster.clusterArn,
        taskDefinition: workers.task.taskDefinitionArn,
        taskFamily: workers.task.family,
        spotProvider: workers.spotProvider.capacityProviderName,
        onDemandProvider: workers.onDemandProvider.capacityProviderName,
        dispatchPolicy: JSON.stringify(dispatchPolicy(policy)),
      },
    });
    const { role } = this.handler;
    allowTable(role, storage.tables.fleet, ['GetItem', 'PutItem']);
    allow(role, ['sqs:GetQueueAttributes'], [jobs.queue.queueArn]);
    this.grantTasks(role, workers);
    this.wakeForJobs(storage);
    new events.Rule(this, 'EveryMinute', {
      schedule: events.Schedule.rate(Duration.minutes(1)),
      targets: [new eventTargets.LambdaFunction(this.handler, { retryAttempts: 0 })],
    });
  }

  /** Tasks of this cluster only, and of them only the worker. */
  private grantTasks(role: iam.IRole, { cluster, task }: GpuWorkers): void {
    const inCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
    const resourceName = `${cluster.clusterName}/*`;
    const tasks = Stack.of(this).formatArn({ service: 'ecs', resource: 'task', resourceName });
    allow(role, ['ecs:RunTask'], [task.taskDefinitionArn], inCluster);
    allow(role, ['ecs:DescribeTasks', 'ecs:StopTask'], [tasks], inCluster);
    allow(role, ['ecs:ListTasks'], ['*'], inCluster);
    allow(role, ['iam:PassRole'], [task.taskRole.roleArn, task.obtainExecutionRole().roleArn], {
      StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
    });
    const arn = `arn:<AWS::Partition>:ecs:${Stack.of(this).region}:<AWS::AccountId>:task/<${logicalId(cluster)}>/*`;
    acknowledge(role, `IAM5[Resource::${arn}]`, 'Tasks have random names; these are those of one cluster.');
    acknowledge(role, 'IAM5[Resource::*]', 'ecs:ListTasks knows no resources; a condition narrows it to one cluster.');
  }

  /** The stream carries keys only, so the dispatcher sees no prompts. */
  private wakeForJobs(storage: Storage): void {
    const isNewJob = {
      eventName: lambda.FilterRule.isEqual('INSERT'),
      dynamodb: { Keys: { pk: { S: lambda.FilterRule.beginsWith(JOB_KEY_PREFIX) } } },
    };
    this.handler.addEventSource(
      // CDK's own types do not know `exactOptionalPropertyTypes`.
      new sources.DynamoEventSource(storage.tables.jobs as dynamodb.ITable, {
        startingPosition: lambda.StartingPosition.LATEST,
        filters: [lambda.FilterCriteria.filter(isNewJob)],
        batchSize: 100,
        // A job that wakes nobody is found by the clock.
        retryAttempts: 1,
        maxRecordAge: Duration.minutes(1),
      }),
    );
  }
}

/** The settings as `DispatchPolicy` of the function has them. */
export function dispatchPolicy(workers: Config['workers']) {
  return {
    maxWorkers: workers.max,
    messagesPerWorker: workers.messagesPerWorker,
    capacities: workers.capacity,
    spotPatienceSeconds: workers.spotPatienceSeconds,
    spotRetrySeconds: workers.spotRetryMinutes * 60,
    startTimeoutSeconds: START_TIMEOUT_SECONDS,
    idleSeconds: workers.idleSeconds,
    keepWarmSeconds: workers.keepWarmMinutes * 60,
  };
}
