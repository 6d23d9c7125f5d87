import type { Engine } from '../../../function/src/engine.ts';
import { createDynamoJobStore } from '../../../function/src/jobs/aws/dynamo-job-store.ts';
import { createSqsJobQueue } from '../../../function/src/jobs/aws/sqs-job-queue.ts';
import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { startWorker, type Worker, type WorkerOptions } from '../../../function/src/jobs/worker.ts';
import { createS3ObjectStore } from '../../../function/src/storage/aws/s3-object-store.ts';
import type { Stack } from './stack.ts';

type Adapters = Pick<WorkerOptions, 'store' | 'queue' | 'objects'>;

/** The adapters of one worker, with clients of its own as another machine would have. */
function openWorkerAdapters({ dynamo, sqs, s3, logger }: Stack): Adapters {
  const { queueUrl, deadLetterQueueUrl } = sqs;
  return {
    store: createDynamoJobStore({
      ...{ client: dynamo.client(), tableName: 'jobs', notifier: createChangeNotifier(), now: Date.now },
      ...{ newJobId: createJobIdSource(), maxQueued: 1000, retentionDays: 90 },
    }),
    queue: createSqsJobQueue({ client: sqs.client(), queueUrl, deadLetterQueueUrl, logger, waitSeconds: 1 }),
    objects: createS3ObjectStore({ client: s3.client(), bucket: 'pictures', retryDelayMs: 1 }),
  };
}

/** A worker of another machine, with a fast heartbeat. */
export function startTestWorker(stack: Stack, engine: Engine, options: Partial<WorkerOptions> = {}): Worker {
  const pace = { leaseSeconds: 60, heartbeatMs: 50, phaseIntervalMs: 10, backoffMs: 10, random: () => 0.5 };
  const gpuPrice = stack.config.gpuPrice;
  return startWorker({ engine, ...openWorkerAdapters(stack), logger: stack.logger, gpuPrice, ...pace, ...options });
}
