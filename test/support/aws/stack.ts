/** Everything that a deployment has, in this process: the real code over emulators, through the real AWS SDK clients. */

import type { KeyLimits } from '../../../function/src/api/keys/api-key.ts';
import { createDynamoKeyStore } from '../../../function/src/api/keys/dynamo-key-store.ts';
import { createApiHandler } from '../../../function/src/api/lambda/api-handler.ts';
import { createAuthorizer } from '../../../function/src/api/lambda/authorizer-handler.ts';
import { createApiServices, createWatchServices } from '../../../function/src/api/lambda/services.ts';
import { createStreamHandler } from '../../../function/src/api/lambda/stream-handler.ts';
import { gpuPriceOf } from '../../../function/src/aws/price-list.ts';
import { createCatalog } from '../../../function/src/create-catalog.ts';
import type { Logger } from '../../../function/src/jobs/logger.ts';
import type { ModelCatalog } from '../../../function/src/model-catalog.ts';
import { startS3Server } from '../s3-server.ts';
import { startDynamo } from './dynamodb.ts';
import { startGateway } from './gateway.ts';
import { pushEmbeddedModel } from './push-embedded-model.ts';
import { startSqs } from './sqs.ts';

export interface StackOptions {
  /** What the API knows of models; by default, what lies in the bucket `models`, the embedded model. */
  engine?: ModelCatalog;
  now?: () => number;
  maxQueued?: number;
  /** What is left of the streaming function's time. */
  remainingMs?: number;
  /** How long a message stays with a silent worker; by default, as long as in the deployment. */
  visibilitySeconds?: number;
}

export type Stack = Awaited<ReturnType<typeof startStack>>;

/** Buckets `pictures`, `models` and `site`, tables and queues as the deployment makes them, and the API before them. */
export async function startStack({ now = Date.now, maxQueued = 1000, remainingMs, ...options }: StackOptions = {}) {
  const [dynamo, sqs, s3] = await Promise.all([
    startDynamo(),
    startSqs(options.visibilitySeconds),
    startS3Server({ buckets: ['pictures', 'models', 'site'], now }),
  ]);
  const log: string[] = [];
  const logger: Logger = (level, event, fields) => void log.push(JSON.stringify({ level, event, ...fields }));
  const names = { jobsTable: 'jobs', keysTable: 'keys', limitsTable: 'limits', imagesBucket: 'pictures' };
  const clients = { dynamo: dynamo.client(), sqs: sqs.client(), s3: s3.client() };
  const keys = createDynamoKeyStore({ client: clients.dynamo, tableName: names.keysTable, now });
  const config = {
    ...names,
    ...{ queueUrl: sqs.queueUrl, maxQueued, retentionDays: 90, version: '9.9.9' },
    gpuPrice: gpuPriceOf('g6.xlarge', 'spot'),
    webhooks: { allowsPrivate: false },
  };
  const engine = options.engine ?? (await createCatalog(clients.s3, [await pushEmbeddedModel(s3)]));
  const api = createApiServices(clients, config, { engine, logger, now });
  const gateway = await startGateway({
    authorize: createAuthorizer({ keys, logger }),
    api: createApiHandler({ ...api, logger }),
    stream: createStreamHandler({ ...createWatchServices(clients, config, now), keys, logger }),
    ...(remainingMs === undefined ? {} : { remainingMs }),
  });
  return {
    ...{ dynamo, sqs, s3, keys, log, logger, clients, config, url: gateway.url, services: api.services },
    /** A new key's secret. */
    createKey: async (limits: KeyLimits = {}) => (await keys.create('test', limits)).secret,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await Promise.all([dynamo[Symbol.asyncDispose](), sqs[Symbol.asyncDispose](), s3.close()]);
    },
  };
}
