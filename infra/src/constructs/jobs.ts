import { QUEUE } from '@safelight/function/aws/environment';
import { Duration, RemovalPolicy, aws_sqs as sqs } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/** The queue of jobs, and the queue that keeps messages of jobs which failed for good. */
export class Jobs extends Construct {
  readonly queue: sqs.Queue;
  readonly deadLetters: sqs.Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const common = {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(QUEUE.retentionDays),
      removalPolicy: RemovalPolicy.DESTROY,
    };
    this.deadLetters = new sqs.Queue(this, 'DeadLetters', common);
    this.queue = new sqs.Queue(this, 'Queue', {
      ...common,
      visibilityTimeout: Duration.seconds(QUEUE.visibilitySeconds),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: QUEUE.maxReceiveCount },
    });
  }
}
