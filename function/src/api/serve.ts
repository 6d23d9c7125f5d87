import { setMaxListeners } from 'node:events';
import type { Engine } from '../engine.ts';
import { FunctionError } from '../errors.ts';
import { createChangeNotifier } from '../jobs/change-notifier.ts';
import { createJobIdSource } from '../jobs/job-id.ts';
import type { JobRecord } from '../jobs/job-record.ts';
import { openJobDatabase } from '../jobs/local/database.ts';
import { createLocalJobQueue } from '../jobs/local/local-job-queue.ts';
import { createLocalJobStore } from '../jobs/local/local-job-store.ts';
import { type Logger, silentLogger } from '../jobs/logger.ts';
import { startWorker, type WorkerOptions } from '../jobs/worker.ts';
import { packageVersion } from '../package-version.ts';
import { createLocalObjectStore } from '../storage/local/local-object-store.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { startLocalWebhooks } from '../webhooks/local-webhooks.ts';
import { createWebhookSigner } from '../webhooks/sign-webhook.ts';
import { createAuthenticate, refuseOpenServer } from './auth.ts';
import type { CheckPrompt } from './blocked-words.ts';
import { createHttpServer } from './http-server.ts';

const DEFAULT_PORT = 7788;

export interface ServerOptions
  extends Pick<
    WorkerOptions,
    | 'leaseSeconds'
    | 'maxAttempts'
    | 'heartbeatMs'
    | 'phaseIntervalMs'
    | 'stallMs'
    | 'backoffMs'
    | 'gpuPrice'
    | 'now'
    | 'random'
  > {
  /** Makes the pictures. It stays the caller's to close, after the server. */
  engine: Engine;
  /** Jobs, pictures and the signing secret; created, and closed to other users. Several servers may share it. */
  dataDir: string;
  /** @defaultValue 127.0.0.1 */
  host?: string;
  /** 0 picks a free one. @defaultValue 7788 */
  port?: number;
  /** Keys that callers must present, each with jobs of its own. Needed to listen beyond this machine. @defaultValue none */
  apiKeys?: readonly string[];
  /** Web origins that may call from a browser, such as `https://app.example`. @defaultValue none */
  corsOrigins?: readonly string[];
  /** How callers reach the server when it is behind a proxy. @defaultValue what each request's Host header says */
  publicUrl?: string;
  /** How long image URLs are good for. @defaultValue 900 */
  urlSeconds?: number;
  /** Secrets that jobs' webhooks are signed with, each `whsec_…`: several while one is replaced. @defaultValue none: no webhooks */
  webhookSecrets?: readonly string[];
  /** Whether webhooks may go to `http:` addresses and private networks. @defaultValue false */
  allowPrivateWebhooks?: boolean;
  /** Looks at each prompt before its job is accepted, such as `refuseWords`. @defaultValue none: all are accepted */
  checkPrompt?: CheckPrompt;
  /** Jobs that may wait at a time. @defaultValue 1000 */
  maxQueued?: number;
  /** @defaultValue silent */
  logger?: Logger;
  /** The built playground, served at `/`. @defaultValue where `npm run playground` builds it */
  playgroundDir?: string;
  /** Told of each job that ends here: a trace is made of it. @defaultValue nobody */
  onFinished?: (job: JobRecord) => void;
  /** What `health` says. @defaultValue this package's version */
  version?: string;
}

export interface SafelightServer {
  /** Where to reach it from this machine; no trailing slash. */
  readonly url: string;
  readonly port: number;
  /**
   * Stops working: the job that is drawn is handed back at its next step, without counting as an attempt, one that is drawn
   * already is stored, and no other is taken. Reading, watching and submitting go on.
   */
  drain(): Promise<void>;
  /** Drains, ends all streams, lets requests in flight finish and closes the files. */
  close(): Promise<void>;
}

const FOLDER_ERRORS = ['EACCES', 'EPERM', 'EROFS', 'EEXIST', 'ENOTDIR', 'ENOSPC', 'EDQUOT', 'SQLITE_CANTOPEN'];

/** Opens all that lies in the data folder. */
const openDataFolder = async (dataDir: string, now: () => number) => {
  try {
    return { objects: await createLocalObjectStore({ dataDir, now }), database: await openJobDatabase(dataDir) };
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (!FOLDER_ERRORS.includes(code)) throw cause;
    const message = `The data folder cannot be used (${code}): choose another with --data-dir`;
    throw new FunctionError('unavailable', message, { cause });
  }
};

/**
 * Starts a whole Safelight on this machine: API, queue, worker and object store over one folder.
 * @throws FunctionError `invalid_input` for an open host without API keys or a weak key; `unavailable` for a port in
 * use, or a data folder that cannot be used.
 */
export const startServer = async (options: ServerOptions): Promise<SafelightServer> => {
  const { engine, dataDir, host = '127.0.0.1', port = DEFAULT_PORT, apiKeys = [], corsOrigins = [] } = options;
  const { logger = silentLogger, now = Date.now, urlSeconds = 900, maxQueued = 1000, publicUrl } = options;
  const { webhookSecrets = [], playgroundDir, allowPrivateWebhooks = false, random = Math.random } = options;
  // Before anything is written: a refused start should leave no trace.
  refuseOpenServer(host, apiKeys);
  createAuthenticate(apiKeys);
  const sign = createWebhookSigner(webhookSecrets);

  const { objects, database } = await openDataFolder(dataDir, now);
  const notifier = createChangeNotifier();
  const store = createLocalJobStore({
    database,
    notifier,
    newJobId: createJobIdSource({ now }),
    now,
    maxQueued,
    onFinished(job) {
      metrics.count(job);
      options.onFinished?.(job);
    },
  });
  const metrics = createMetrics(store);
  const queue = createLocalJobQueue({ database, notifier, now });
  const closing = new AbortController();
  // Every watcher listens to it; Node would take more than ten for a leak.
  setMaxListeners(0, closing.signal);
  const version = options.version ?? packageVersion();
  const { gpuPrice, checkPrompt } = options;
  const webhooks = webhookSecrets.length === 0 ? undefined : { allowsPrivate: allowPrivateWebhooks };
  const services = {
    store,
    queue,
    objects,
    engine,
    notifier,
    gpuPrice,
    webhooks,
    checkPrompt,
    urlSeconds,
    version,
    closing: closing.signal,
  };

  // Before the worker: with the port in use, no job must be taken.
  const http = await createHttpServer({
    services,
    objects,
    host,
    port,
    apiKeys,
    corsOrigins,
    publicUrl,
    playgroundDir,
    metrics,
    now,
    logger,
  }).catch((error: unknown) => {
    database.close();
    throw error;
  });
  const worker = startWorker({ ...options, store, queue, objects, logger });
  const sender = webhooks && startLocalWebhooks({ ...webhooks, database, store, notifier, sign, now, random, logger });
  logger('info', 'server_started', { port: http.port, hasApiKeys: apiKeys.length > 0 });

  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    // Watchers first hear that their job went back to the queue, then that the server closes.
    await worker.drain();
    closing.abort();
    await http.close();
    await sender?.close();
    database.close();
    logger('info', 'server_stopped');
  };
  return {
    url: http.url,
    port: http.port,
    drain: () => worker.drain(),
    close() {
      closed ??= close();
      return closed;
    },
  };
};
