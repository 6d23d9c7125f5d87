/** SQS in this process, with the queues of the deployment. */
import { GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { startFauxqs } from 'fauxqs';
import { QUEUE } from '../../../function/src/aws/environment.ts';
import { CREDENTIALS } from './dynamodb.ts';

export interface TestSqs extends AsyncDisposable {
  endpoint: string;
  queueUrl: string;
  deadLetterQueueUrl: string;
  client(config?: SQSClientConfig): SQSClient;
  /** Bodies of all messages in the dead-letter queue; they stay there. */
  deadLetters(): Promise<string[]>;
  /** Messages that wait, are in work, or are held back. */
  countMessages(): Promise<number>;
}

/** @param visibilitySeconds the deployment's, if it is left out. */
export async function startSqs(visibilitySeconds: number = QUEUE.visibilitySeconds): Promise<TestSqs> {
  const server = await startFauxqs({ port: 0, logger: false });
  const endpoint = `http://127.0.0.1:${server.port}`;
  const dead = server.createQueue('jobs-dead');
  const main = server.createQueue('jobs', {
    attributes: {
      VisibilityTimeout: String(visibilitySeconds),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: QUEUE.maxReceiveCount }),
    },
  });
  const clients: SQSClient[] = [];
  const client = (config: SQSClientConfig = {}) => {
    const opened = new SQSClient({ endpoint, region: 'us-east-1', credentials: CREDENTIALS, ...config });
    clients.push(opened);
    return opened;
  };
  const admin = client();
  return {
    endpoint,
    queueUrl: main.queueUrl,
    deadLetterQueueUrl: dead.queueUrl,
    client,
    async deadLetters() {
      const request = { QueueUrl: dead.queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 };
      const { Messages = [] } = await admin.send(new ReceiveMessageCommand(request));
      return Messages.map(({ Body = '' }) => Body);
    },
    async countMessages() {
      const request = { QueueUrl: main.queueUrl, AttributeNames: ['All' as const] };
      const { Attributes = {} } = await admin.send(new GetQueueAttributesCommand(request));
      const names = ['', 'NotVisible', 'Delayed'].map((kind) => `ApproximateNumberOfMessages${kind}` as const);
      return names.reduce((total, name) => total + Number(Attributes[name as keyof typeof Attributes] ?? 0), 0);
    },
    async [Symbol.asyncDispose]() {
      for (const opened of clients) opened.destroy();
      await server.stop();
    },
  };
}
