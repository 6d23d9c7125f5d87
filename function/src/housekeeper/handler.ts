import { SSMClient } from '@aws-sdk/client-ssm';
import { createPowerLogger } from '../api/lambda/power-logger.ts';
import { createDocumentClient, createQueueClient } from '../aws/clients.ts';
import { createWebhookSecrets } from '../aws/webhook-secrets.ts';
import { readHousekeeperConfig } from './config.ts';
import { keepHouse } from './keep-house.ts';

/** How long before the function's end sending stops. */
const STOP_BEFORE_MS = 3000;

let tools: ReturnType<typeof createTools> | undefined;

/** Lambda entry point of the housekeeper. */
export async function handler(_event: unknown, context: { getRemainingTimeInMillis(): number }): Promise<void> {
  tools ??= createTools();
  const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - STOP_BEFORE_MS));
  await keepHouse({ ...tools, signal });
}

function createTools() {
  const clients = { dynamo: createDocumentClient(), sqs: createQueueClient() };
  const config = readHousekeeperConfig();
  const parameter = config.webhookSecretsParameter;
  const webhookSecrets = parameter === undefined ? undefined : createWebhookSecrets(new SSMClient({}), parameter);
  return { config, clients, webhookSecrets, logger: createPowerLogger('housekeeper') };
}
