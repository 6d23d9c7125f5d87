import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createDynamoJobStore } from '../../jobs/aws/dynamo-job-store.ts';
import { createSqsJobQueue } from '../../jobs/aws/sqs-job-queue.ts';
import { createChangeNotifier } from '../../jobs/change-notifier.ts';
import { createJobIdSource } from '../../jobs/job-id.ts';
import type { Logger } from '../../jobs/logger.ts';
import type { ModelCatalog } from '../../model-catalog.ts';
import { createS3ObjectStore } from '../../storage/aws/s3-object-store.ts';
import type { ApiServices } from '../api-context.ts';
import { createDynamoQuotas } from '../keys/dynamo-quota.ts';
import type { readApiConfig, readStreamConfig } from './config.ts';

export interface ApiClients {
  dynamo: DynamoDBDocumentClient;
  sqs: SQSClient;
  s3: S3Client;
}

type ApiConfig = Omit<ReturnType<typeof readApiConfig>, 'models' | 'safety'>;

/** URLs are signed when a job is read, so they need not live long. */
const URL_SECONDS = 900;

export interface ServiceTools {
  logger: Logger;
  /** @defaultValue Date.now */
  now?: () => number;
}

type StoreConfig = Pick<ApiConfig, 'jobsTable' | 'limitsTable' | 'imagesBucket'> &
  Partial<Pick<ApiConfig, 'maxQueued' | 'retentionDays'>>;

const createStores = ({ dynamo, s3 }: Pick<ApiClients, 'dynamo' | 's3'>, config: StoreConfig, now: () => number) => {
  const { jobsTable, limitsTable, imagesBucket, maxQueued = 0, retentionDays = 0 } = config;
  const notifier = createChangeNotifier();
  const store = createDynamoJobStore({
    ...{ client: dynamo, tableName: jobsTable, notifier, now, maxQueued, retentionDays },
    newJobId: createJobIdSource({ now }),
  });
  const objects = createS3ObjectStore({ client: s3, bucket: imagesBucket, now });
  const quotaOf = createDynamoQuotas({ client: dynamo, tableName: limitsTable, store, now });
  return { store, notifier, objects, quotaOf };
};

/** What following jobs takes. */
export const createWatchServices = (
  clients: Pick<ApiClients, 'dynamo' | 's3'>,
  config: ReturnType<typeof readStreamConfig>,
  now: () => number = Date.now,
) => {
  // It makes no jobs, so how many may wait and how long they are kept does not matter.
  const { quotaOf, ...services } = createStores(clients, config, now);
  return { services: { ...services, urlSeconds: URL_SECONDS }, quotaOf };
};

/** The API's services over AWS. */
export const createApiServices = (
  clients: ApiClients,
  config: ApiConfig,
  { engine, logger, now = Date.now }: ServiceTools & { engine: ModelCatalog },
) => {
  const { queueUrl, gpuPrice, version, webhooks } = config;
  const { quotaOf, ...stores } = createStores(clients, config, now);
  const services: ApiServices = {
    ...stores,
    ...{ engine, gpuPrice, version, webhooks, urlSeconds: URL_SECONDS },
    queue: createSqsJobQueue({ client: clients.sqs, queueUrl, logger }),
    // A function is frozen between requests, and never closes in the middle of one.
    closing: new AbortController().signal,
  };
  return { services, quotaOf };
};
