import type { Engine } from '../engine.ts';
import type { ChangeNotifier } from '../jobs/change-notifier.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { JobStore } from '../jobs/job-store.ts';
import type { GpuPrice } from '../jobs/price.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { CheckPrompt } from './blocked-words.ts';
import type { Quota } from './quota.ts';

/** What the API works with; the same for all requests. */
export interface ApiServices {
  store: JobStore;
  queue: Pick<JobQueue, 'send'>;
  objects: Pick<ObjectStore, 'sign' | 'signUpload' | 'get' | 'put'>;
  engine: Pick<Engine, 'defaultModel' | 'models' | 'resolve' | 'embeddings' | 'loras'>;
  notifier: ChangeNotifier;
  /** What a worker's time costs; absent where nothing is billed. */
  gpuPrice?: GpuPrice | undefined;
  /** Refuses prompts; absent, all are accepted. */
  checkPrompt?: CheckPrompt | undefined;
  /** How jobs' ends are announced; absent where they are not. */
  webhooks?: { allowsPrivate: boolean } | undefined;
  /** How long image URLs are good for. */
  urlSeconds: number;
  /** The server's version, for `health`. */
  version: string;
  /** Aborts when the server closes: streams end then. */
  closing: AbortSignal;
}

/** As much of it as following a job takes. */
export interface WatchServices extends Pick<ApiServices, 'store' | 'notifier' | 'urlSeconds' | 'closing'> {
  objects: Pick<ObjectStore, 'sign'>;
}

/** A request that follows a job. */
export interface WatchContext extends Pick<ApiContext, 'owner' | 'requestId' | 'baseUrl'> {
  services: WatchServices;
}

/** One request, as plain data: any HTTP server, or a Lambda handler, can make it. */
export interface ApiContext {
  services: ApiServices;
  /** Whose jobs the caller sees. */
  owner: string;
  /** Holds the caller to the limits of their key; absent where keys have none. */
  quota?: Quota | undefined;
  requestId: string;
  /** Where the caller reached the server, for URLs; no trailing slash. */
  baseUrl: string;
}
