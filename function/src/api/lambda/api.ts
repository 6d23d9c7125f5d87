import { S3Client } from '@aws-sdk/client-s3';
import { createDocumentClient, createQueueClient } from '../../aws/clients.ts';
import { createCatalog } from '../../create-catalog.ts';
import { createApiHandler } from './api-handler.ts';
import { readApiConfig } from './config.ts';
import type { HttpEvent, HttpResult } from './http-event.ts';
import { createPowerLogger } from './power-logger.ts';
import { createApiServices } from './services.ts';

let ready: ReturnType<typeof start> | undefined;

/** Lambda entry point of the API. */
export async function handler(event: HttpEvent): Promise<HttpResult> {
  // What failed at the start, such as a bundle that is not there yet, is tried again with the next request.
  ready ??= start().catch((error: unknown) => {
    ready = undefined;
    throw error;
  });
  return (await ready)(event);
}

async function start() {
  const config = readApiConfig();
  const logger = createPowerLogger('api');
  const s3 = new S3Client({});
  const engine = await createCatalog(s3, config.models, config.safety);
  const clients = { dynamo: createDocumentClient(), sqs: createQueueClient(), s3 };
  return createApiHandler({ ...createApiServices(clients, config, { engine, logger }), logger });
}
