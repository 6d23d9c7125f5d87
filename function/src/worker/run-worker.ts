import { uptime } from 'node:os';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { LEASE_SECONDS } from '../aws/environment.ts';
import { gpuPriceOf } from '../aws/price-list.ts';
import type { WebhookSecrets } from '../aws/webhook-secrets.ts';
import { createRemoteEngine } from '../create-remote-engine.ts';
import type { Engine } from '../engine.ts';
import { createDynamoJobStore } from '../jobs/aws/dynamo-job-store.ts';
import { createDynamoWebhooks } from '../jobs/aws/dynamo-webhooks.ts';
import { createSqsJobQueue } from '../jobs/aws/sqs-job-queue.ts';
import { createChangeNotifier } from '../jobs/change-notifier.ts';
import { createJobIdSource } from '../jobs/job-id.ts';
import { describeError, type LogFields, type Logger } from '../jobs/logger.ts';
import { startWorker, type WorkerOptions } from '../jobs/worker.ts';
import { checkProvider } from '../runtime/check-provider.ts';
import { createS3ObjectStore } from '../storage/aws/s3-object-store.ts';
import { createTimeline, type Span } from '../timeline.ts';
import { createWebhookSigner } from '../webhooks/sign-webhook.ts';
import type { WorkerConfig } from './config.ts';
import { createIdleQueue } from './idle-queue.ts';
import { createInstanceMetadata } from './instance-metadata.ts';
import { reportBoot } from './report-boot.ts';
import { watchSpotNotice } from './watch-spot-notice.ts';

/** On AWS each write is a request over the network: progress once a second is plenty. */
const PACE = { leaseSeconds: LEASE_SECONDS, heartbeatMs: 2000, phaseIntervalMs: 1000, stallMs: 600_000 };

export interface RunWorkerOptions {
  config: WorkerConfig;
  clients: { dynamo: DynamoDBDocumentClient; sqs: SQSClient; s3: S3Client };
  logger: Logger;
  /** Aborts when the container is to stop. */
  signal: AbortSignal;
  /** @defaultValue none: ends of jobs are left to the housekeeper */
  webhookSecrets?: WebhookSecrets | undefined;
  /** Asks EC2 about the machine. @defaultValue the global `fetch` */
  fetch?: typeof fetch;
  /** Replaced in tests. @defaultValue one that fetches its models from S3 */
  engine?: Engine;
  /** Replaced in tests. */
  pace?: Partial<WorkerOptions> & { waitSeconds?: number };
}

/** Why a worker ended. */
export type WorkerEnd = 'idle' | 'stopped' | 'taken_back';

/** `unet.startMs` and the like: logs keep numbers and texts, and no lists. */
const spanFields = (spans: readonly Span[]): LogFields =>
  Object.fromEntries(
    spans.flatMap(({ name, startMs, endMs }) => [
      [`${name}.startMs`, Math.round(startMs)],
      [`${name}.endMs`, Math.round(endMs)],
    ]),
  );

/** The engine, with its default model on the way already: whoever started this worker waits for it. */
const openEngine = async ({ config, clients, logger }: RunWorkerOptions): Promise<Engine> => {
  const { models: locations, modelsDir, provider, batch } = config;
  const timeline = createTimeline();
  timeline.add({ name: 'start', startMs: 0, endMs: timeline.now() });
  const checking = timeline.measure('provider', () => checkProvider(provider));
  // While the provider's libraries are loaded, the model is on its way.
  const opening = createRemoteEngine({ client: clients.s3, locations, modelsDir, provider, batch, timeline });
  const prepare = async () => {
    const engine = await opening;
    // If it fails, so does the first job, and says why; other failures pass.
    const failed = await engine.prepare().catch((error: unknown) => ({ error }));
    await checking;
    if (failed) logger('warn', 'prepare_failed', describeError(failed.error));
    else logger('info', 'cold_start', spanFields(timeline.spans));
  };
  // The worker ends with what goes wrong before that.
  prepare().catch(() => undefined);
  await checking;
  return await opening;
};

/** Tells of a job's end at once; if that fails, the housekeeper goes on. */
const createAnnounce = ({ config, clients, logger, webhookSecrets }: RunWorkerOptions) => {
  if (webhookSecrets === undefined) return undefined;
  const { signal } = new AbortController();
  const announce = async (jobId: string): Promise<void> => {
    const webhooks = createDynamoWebhooks({
      ...{ client: clients.dynamo, tableName: config.jobsTable, sign: createWebhookSigner(await webhookSecrets()) },
      ...{ logger, now: Date.now, random: Math.random },
    });
    await webhooks.announce(jobId, signal);
  };
  return (jobId: string): Promise<void> =>
    announce(jobId).catch((error: unknown) => logger('warn', 'webhook_trouble', describeError(error)));
};

/**
 * Works through the queue until there has been nothing to do for `idleSeconds`, the container is to stop, or EC2 takes
 * the machine back; what is drawn is stored then, and the job that is not is handed back.
 * @throws FunctionError `unavailable` where the provider cannot compute, or what the models' manifests cannot be read for.
 */
export const runWorker = async (options: RunWorkerOptions): Promise<WorkerEnd> => {
  const { config, clients, logger, signal, pace = {} } = options;
  const { queueUrl, deadLetterQueueUrl, imagesBucket, jobsTable, retentionDays, idleSeconds, maxAttempts } = config;
  const { waitSeconds, ...workerPace } = pace;
  const metadata = createInstanceMetadata(options.fetch);
  const [machine, opened] = await Promise.all([metadata.machine(), options.engine ?? openEngine(options)]);
  const gpuPrice = machine === undefined ? undefined : gpuPriceOf(machine.instanceType, machine.capacity);
  if (machine !== undefined && gpuPrice === undefined)
    logger('warn', 'price_unknown', { instanceType: machine.instanceType });

  const ended = new AbortController();
  const end = (reason: WorkerEnd) => ended.abort(reason);
  signal.addEventListener('abort', () => end('stopped'), { once: true });
  if (signal.aborted) end('stopped');

  const queue = createSqsJobQueue({
    ...{ client: clients.sqs, queueUrl, deadLetterQueueUrl, logger },
    ...(waitSeconds === undefined ? {} : { waitSeconds }),
  });
  const announcing = new Set<Promise<void>>();
  const announce = createAnnounce(options);
  const worker = startWorker({
    ...PACE,
    ...{ maxAttempts, gpuPrice, logger },
    engine: reportBoot(opened, { uptimeSeconds: uptime(), processSeconds: process.uptime() }),
    store: createDynamoJobStore({
      ...{ client: clients.dynamo, tableName: jobsTable, retentionDays, now: Date.now },
      // A worker makes no jobs, and nobody watches them from here.
      ...{ notifier: createChangeNotifier(), newJobId: createJobIdSource(), maxQueued: 0 },
      onFinished(job) {
        if (job.webhookUrl === null || announce === undefined) return;
        const announcement = announce(job.id).finally(() => announcing.delete(announcement));
        announcing.add(announcement);
      },
    }),
    queue: createIdleQueue({ queue, idleSeconds, onIdle: () => end('idle') }),
    objects: createS3ObjectStore({ client: clients.s3, bucket: imagesBucket }),
    ...workerPace,
  });
  logger('info', 'worker_started', { instanceType: machine?.instanceType, provider: config.provider });
  if (machine?.capacity === 'spot')
    void watchSpotNotice({ metadata, onNotice: () => end('taken_back'), signal: ended.signal, logger });

  await new Promise<void>((resolve) => {
    if (ended.signal.aborted) resolve();
    ended.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const reason = ended.signal.reason as WorkerEnd;
  logger('info', 'worker_ending', { reason });
  await worker.drain();
  await Promise.all(announcing);
  await opened.close();
  logger('info', 'worker_ended', { reason });
  return reason;
};
