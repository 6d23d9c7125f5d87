import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { toServiceError } from '../aws/service-error.ts';
import type { WebhookSecrets } from '../aws/webhook-secrets.ts';
import { createDynamoWebhooks } from '../jobs/aws/dynamo-webhooks.ts';
import { reviveLostJobs } from '../jobs/aws/revive-lost-jobs.ts';
import { createSqsJobQueue } from '../jobs/aws/sqs-job-queue.ts';
import type { Logger } from '../jobs/logger.ts';
import type { sendWebhook } from '../webhooks/send-webhook.ts';
import { createWebhookSigner } from '../webhooks/sign-webhook.ts';
import type { HousekeeperConfig } from './config.ts';

export interface HousekeepingOptions {
  config: HousekeeperConfig;
  clients: { dynamo: DynamoDBDocumentClient; sqs: SQSClient };
  logger: Logger;
  signal: AbortSignal;
  /** @defaultValue none: nothing is announced */
  webhookSecrets?: WebhookSecrets | undefined;
  now?: () => number;
  random?: () => number;
  /** Replaced in tests. @defaultValue sendWebhook */
  send?: typeof sendWebhook;
}

const countWaiting = async (client: SQSClient, QueueUrl: string): Promise<number> => {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesDelayed'] as const;
  const request = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] });
  const { Attributes = {} } = await client.send(request).catch((error: unknown) => {
    throw toServiceError(error, 'SQS');
  });
  return names.reduce((total, name) => total + Number(Attributes[name] ?? 0), 0);
};

/** One round of what has to be looked after while nobody else is awake. */
export const keepHouse = async (options: HousekeepingOptions): Promise<{ revived: number; announced: number }> => {
  const { config, clients, logger, signal, webhookSecrets, now = Date.now, random = Math.random, send } = options;
  const { jobsTable, queueUrl } = config;
  const table = { client: clients.dynamo, tableName: jobsTable };
  const revived = await reviveLostJobs({
    ...table,
    ...{ now, logger },
    queue: createSqsJobQueue({ client: clients.sqs, queueUrl, logger }),
    countWaiting: () => countWaiting(clients.sqs, queueUrl),
  });
  if (webhookSecrets === undefined) return { revived, announced: 0 };
  const sign = createWebhookSigner(await webhookSecrets());
  const sending = send === undefined ? {} : { send };
  const webhooks = createDynamoWebhooks({ ...table, sign, now, random, logger, ...sending });
  return { revived, announced: await webhooks.announceDue(signal) };
};
