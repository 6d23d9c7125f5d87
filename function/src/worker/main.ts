import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { createDocumentClient, createQueueClient } from '../aws/clients.ts';
import { createWebhookSecrets } from '../aws/webhook-secrets.ts';
import { createJsonLogger, describeError } from '../jobs/logger.ts';
import { readWorkerConfig } from './config.ts';
import { runWorker } from './run-worker.ts';

/** The GPU container's program: exits with 0 when it is done, 1 when it could not work. */
const logger = createJsonLogger((line) => process.stdout.write(line));
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());

try {
  const config = readWorkerConfig();
  const clients = { dynamo: createDocumentClient(), sqs: createQueueClient(), s3: new S3Client({}) };
  const parameter = config.webhookSecretsParameter;
  const webhookSecrets = parameter === undefined ? undefined : createWebhookSecrets(new SSMClient({}), parameter);
  await runWorker({ config, clients, logger, signal: stop.signal, webhookSecrets });
  process.exit(0);
} catch (error) {
  logger('error', 'worker_failed', describeError(error));
  process.exit(1);
}
