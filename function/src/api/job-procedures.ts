import type {
  Estimate,
  Job,
  JobPage,
  ParsedEstimateInput,
  ParsedSubmitInput,
  SignedUrl,
} from '@safelight/sdk/contract';
import { FunctionError } from '../errors.ts';
import { pictureCount } from '../grid.ts';
import { hashInput } from '../jobs/input-hash.ts';
import { isFinished, type JobRecord, type StoredImage } from '../jobs/job-record.ts';
import { isAllowedWebhookUrl } from '../webhooks/send-webhook.ts';
import type { ApiContext, ApiServices, WatchContext } from './api-context.ts';
import { estimate } from './estimate.ts';
import { signImage, toJob } from './job-view.ts';
import { linkSignals } from './linked-signal.ts';

/** How soon a watcher sees what another process did; this process's own changes wake it at once. */
const WATCH_POLL_MS = 1000;

/** Other owners' jobs are as good as not there. */
const requireOwnJob = (context: WatchContext, record: JobRecord | undefined): JobRecord => {
  if (record?.owner !== context.owner) throw new FunctionError('not_found', 'There is no such job', { field: 'jobId' });
  return record;
};

const readOwnJob = async (context: WatchContext, jobId: string): Promise<JobRecord> =>
  requireOwnJob(context, await context.services.store.get(jobId));

const refusedWebhook = (message: string) => new FunctionError('invalid_input', message, { field: 'webhook.url' });

const checkWebhook = ({ webhooks }: ApiServices, url: string): void => {
  if (webhooks === undefined)
    throw refusedWebhook('This server sends no webhooks: its SAFELIGHT_WEBHOOK_SECRETS is not set');
  if (!isAllowedWebhookUrl(url, webhooks.allowsPrivate))
    throw refusedWebhook('webhook.url must start with https:// and must not be an address of a private network');
};

/** A key names its owner; pictures of others are no more there than ones that were never sent. */
const checkUploads = ({ owner }: ApiContext, input: ParsedSubmitInput): void => {
  for (const field of ['initImage', 'mask'] as const) {
    if (input[field]?.startsWith(`uploads/${owner}/`) === false)
      throw new FunctionError('invalid_input', `${field} is not there: upload it first`, { field });
  }
};

/** Accepts a job, once per idempotency key. */
export const submitJob = async (context: ApiContext, submitted: ParsedSubmitInput): Promise<Job> => {
  const { services, owner } = context;
  checkUploads(context, submitted);
  const { idempotencyKey, webhook, ...input } = submitted;
  const webhookUrl = webhook?.url ?? null;
  if (webhookUrl !== null) checkWebhook(services, webhookUrl);
  const inputHash = hashInput(webhookUrl === null ? input : { ...input, webhookUrl });
  // First of all: a repeated call must get its job even when the model is gone by now or the queue is full.
  const earlier = await services.store.find(owner, idempotencyKey);
  if (earlier === undefined) services.checkPrompt?.(input.prompt);
  const settings = earlier?.settings ?? services.engine.resolve(input);
  // A repeated call costs its key nothing more.
  const admission =
    earlier === undefined ? await context.quota?.admit({ idempotencyKey, images: pictureCount(settings) }) : undefined;
  const wanted = { owner, idempotencyKey, inputHash, settings, webhookUrl };
  const record = await services.store.create(wanted).catch(async (error: unknown) => {
    await admission?.withdraw();
    throw error;
  });
  // Also for a repeated call: the first one may have been cut off before its message was sent.
  if (record.status === 'queued') await services.queue.send(record.id);
  return await toJob(context, record);
};

/** Jobs to judge an estimate by. */
const SAMPLED_RUNS = 20;

/** What a job would take, without submitting it. @throws FunctionError as `submitJob` does for such input. */
export const estimateJob = async (context: ApiContext, input: ParsedEstimateInput): Promise<Estimate> => {
  const { store, engine, gpuPrice } = context.services;
  const settings = engine.resolve({ ...input, prompt: '', negativePrompt: '' });
  const [runs, { queued }] = await Promise.all([store.recentRuns(settings.model, SAMPLED_RUNS), store.counts()]);
  return estimate(settings, { runs, queued, gpuPrice });
};

export const getJob = async (context: ApiContext, jobId: string): Promise<Job> =>
  await toJob(context, await readOwnJob(context, jobId));

export const cancelJob = async (context: ApiContext, jobId: string): Promise<Job> => {
  await readOwnJob(context, jobId);
  return await toJob(context, requireOwnJob(context, await context.services.store.requestCancel(jobId)));
};

export const listJobs = async (
  context: ApiContext,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<JobPage> => {
  const { jobs, nextCursor } = await context.services.store.list({ owner: context.owner, limit, cursor });
  const page = { jobs: await Promise.all(jobs.map((record) => toJob(context, record))) };
  return nextCursor === undefined ? page : { ...page, nextCursor };
};

export const signJobImage = async (context: ApiContext, jobId: string, index: number): Promise<SignedUrl> => {
  const record = await readOwnJob(context, jobId);
  const image = record.result?.images.find((candidate) => candidate.index === index);
  if (image === undefined)
    throw new FunctionError('not_found', `The job has no image ${index}: its status is ${record.status}`, {
      field: 'index',
    });
  return await signImage(context, image);
};

/** The files of a finished job, in order. */
export const readJobImages = async (
  context: ApiContext,
  jobId: string,
  signal: AbortSignal,
): Promise<{ image: StoredImage; data: Uint8Array }[]> => {
  const { result } = await readOwnJob(context, jobId);
  return await Promise.all(
    (result?.images ?? []).map(async (image) => {
      const data = await context.services.objects.get(image.key, { signal });
      if (data === undefined) throw new FunctionError('not_found', `The job's image ${image.index} is gone`);
      return { image, data };
    }),
  );
};

const serverIsClosing = () =>
  new FunctionError('unavailable', 'The server is shutting down: watch the job again', { isRetryable: true });

async function* watchOwnJob(context: WatchContext, jobId: string, signal: AbortSignal): AsyncGenerator<Job, void> {
  const { notifier, closing } = context.services;
  const changes = notifier.subscribe(jobId);
  const stop = linkSignals(signal, closing);
  try {
    for (let seen = ''; ; ) {
      const record = await readOwnJob(context, jobId);
      const job = await toJob(context, record);
      // What the caller can see of it: heartbeats change the record too.
      const visible = JSON.stringify([job.status, job.attempt, 'phase' in job ? job.phase : null]);
      if (visible !== seen) yield job;
      seen = visible;
      if (isFinished(record)) return;
      await changes.next(WATCH_POLL_MS, stop.signal);
    }
  } catch (error) {
    // Nobody is left to be told.
    if (signal.aborted) return;
    throw closing.aborted ? serverIsClosing() : error;
  } finally {
    stop.unlink();
    changes.close();
  }
}

/**
 * The job now and after every change, up to and including its final state. Ends early when the caller goes away.
 * @throws FunctionError `unavailable` (retryable) from the stream when the server closes.
 */
export const watchJob = async (
  context: WatchContext,
  jobId: string,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Job, void>> => {
  // Before the stream starts, so that an unknown job is an ordinary error.
  await readOwnJob(context, jobId);
  return watchOwnJob(context, jobId, signal ?? new AbortController().signal);
};
