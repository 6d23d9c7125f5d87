import { JOB_INDEX } from '@safelight/function/aws/environment';
import { Duration, aws_events as events, aws_events_targets as eventTargets } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { allow, allowParameter, allowTable } from '../grants.ts';
import type { Variables } from '../variables.ts';
import { createFunction } from './function.ts';
import type { Jobs } from './jobs.ts';
import type { Storage } from './storage.ts';

export interface HousekeeperProps {
  readonly jobs: Jobs;
  readonly storage: Storage;
  readonly variables: Variables;
  /** Name of the SSM parameter. */
  readonly webhookSecretsParameter: string;
  readonly logDays: number;
}

/** Once a minute: sends webhooks that are due, and puts jobs back into the queue whose message was lost. */
export class Housekeeper extends Construct {
  constructor(scope: Construct, id: string, props: HousekeeperProps) {
    super(scope, id);
    const { jobs, storage, variables, logDays } = props;
    const handler = createFunction(this, 'Function', {
      entryPoint: 'housekeeper',
      description: 'Safelight: webhooks, and jobs that lost their message',
      // Rounds may meet: each message is taken by one of them.
      timeout: Duration.seconds(90),
      memoryMb: 256,
      ...{ variables, logDays },
    });
    allowTable(handler.role, storage.tables.jobs, ['GetItem', 'UpdateItem'], [JOB_INDEX.byState]);
    allow(handler.role, ['sqs:GetQueueAttributes', 'sqs:SendMessage'], [jobs.queue.queueArn]);
    allowParameter(handler.role, props.webhookSecretsParameter);
    new events.Rule(this, 'EveryMinute', {
      schedule: events.Schedule.rate(Duration.minutes(1)),
      targets: [new eventTargets.LambdaFunction(handler, { retryAttempts: 0 })],
    });
  }
}
