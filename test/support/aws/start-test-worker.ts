import type { Engine } from '../../../function/src/engine.ts';
import { createDynamoJobStore } from '../../../function/src/jobs/aws/dynamo-job-store.ts';
import { createSqsJobQueue } from '../../../function/src/jobs/aws/sqs-job-queue.ts';
import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { startWorker, type Worker, type WorkerOptions } from '../../../function/src/jobs/worker.ts';
import { createS3ObjectStore } from '../../../function/src/storage/aws/s3-object-store.ts';
import { injectFaults } from './faults.ts';
import type { Stack } from './stack.ts';

type Adapters = Pick<WorkerOptions, 'store' | 'queue' | 'objects'>;
type FaultFor = Parameters<typeof injectFaults>[1];

/** The adapters of one worker, with clients of its own as another machine would have. */
function openWorkerAdapters({ dynamo, sqs, s3, logger }: Stack, faultFor?: FaultFor): Adapters {
  const { queueUrl, deadLetterQueueUrl } = sqs;
  // With faults, each of them counts: the clients' own tries would hide it.
  const config = faultFor === undefined ? {} : { maxAttempts: 1 };
  const clients = { dynamo: dynamo.client(config), sqs: sqs.client(config), s3: s3.client() };
  if (faultFor !== undefined) for (const client of Object.values(clients)) injectFaults(client, faultFor);
  return {
    store: createDynamoJobStore({
      ...{ client: clients.dynamo, tableName: 'jobs', notifier: createChangeNotifier(), now: Date.now },
      ...{ newJobId: createJobIdSource(), maxQueued: 1000, retentionDays: 90 },
    }),
    queue: createSqsJobQueue({ client: clients.sqs, queueUrl, deadLetterQueueUrl, logger, waitSeconds: 1 }),
    objects: createS3ObjectStore({ client: clients.s3, bucket: 'pictures', retryDelayMs: 1 }),
  };
}

export interface TestWorkerOptions extends Partial<WorkerOptions> {
  faultFor?: FaultFor | undefined;
}

/** A worker of another machine, with a fast heartbeat. */
export function startTestWorker(
  stack: Stack,
  engine: Pick<Engine, 'generate'>,
  { faultFor, ...options }: TestWorkerOptions = {},
): Worker {
  const pace = { leaseSeconds: 60, heartbeatMs: 50, phaseIntervalMs: 10, backoffMs: 10, random: () => 0.5 };
  const gpuPrice = stack.config.gpuPrice;
  return startWorker({
    engine,
    ...openWorkerAdapters(stack, faultFor),
    logger: stack.logger,
    gpuPrice,
    ...pace,
    ...options,
  });
}
