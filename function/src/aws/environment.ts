/**
 * What the deployment and the code agree on: names of environment variables, tables, indexes, object prefixes and entry
 * points. Constants only, so that the CDK app can import it.
 */

/** Environment variables. Each entry point's `config.ts` reads those that `ENTRY_POINTS` names for it. */
export const ENVIRONMENT = {
  /** Name of the jobs table. */
  jobsTable: 'SAFELIGHT_JOBS_TABLE',
  /** Name of the table of API keys. */
  keysTable: 'SAFELIGHT_KEYS_TABLE',
  /** Name of the table of counters that hold keys to their limits. */
  limitsTable: 'SAFELIGHT_LIMITS_TABLE',
  /** URL of the queue of jobs. */
  queueUrl: 'SAFELIGHT_QUEUE_URL',
  /** URL of the queue that keeps messages of jobs which failed for good. */
  deadLetterQueueUrl: 'SAFELIGHT_DEAD_LETTER_QUEUE_URL',
  /** Name of the bucket of pictures and uploads. */
  imagesBucket: 'SAFELIGHT_IMAGES_BUCKET',
  /** Bundles as `safelight weights push` wrote them, comma-separated: `s3://bucket/prefix,…`. The first is the default. */
  models: 'SAFELIGHT_MODELS',
  /** EC2 instance types that workers may run on, comma-separated; price estimates assume the first. */
  instanceTypes: 'SAFELIGHT_INSTANCE_TYPES',
  /** `spot` or `on-demand`: what price estimates assume. */
  capacity: 'SAFELIGHT_CAPACITY',
  /** How long job records, with their prompts and receipts, are kept. Optional, 90. */
  retentionDays: 'SAFELIGHT_RETENTION_DAYS',
  /** Jobs that may wait at a time. Optional, 1000. */
  maxQueued: 'SAFELIGHT_MAX_QUEUED',
  /** `flag`, `blur` or `block`: the least that becomes of pictures that a safety checker flags. Optional, `flag`. */
  safety: 'SAFELIGHT_SAFETY',
  /** `cuda` or `cpu`: what the worker computes on. It refuses to start where that is not to be had. Optional, `cuda`. */
  provider: 'SAFELIGHT_PROVIDER',
  /** How many jobs of 512×512 a worker draws together. Optional: 1 on a processor, 4 on a GPU. */
  batch: 'SAFELIGHT_BATCH',
  /** Folder for weights, on the fastest disk, writable. Optional, a temporary folder. */
  modelsDir: 'SAFELIGHT_MODELS_DIR',
  /** A worker exits after so many seconds without a job. Optional, 300. */
  idleSeconds: 'SAFELIGHT_IDLE_SECONDS',
  /** `true` where webhooks are sent: the API takes them then. Optional, `false`. */
  sendsWebhooks: 'SAFELIGHT_SENDS_WEBHOOKS',
  /** Name of the SSM parameter that holds what webhooks are signed with. Optional: no webhooks. */
  webhookSecretsParameter: 'SAFELIGHT_WEBHOOK_SECRETS_PARAMETER',
  /** What `health` says of the version. Optional, `unknown`. */
  version: 'SAFELIGHT_VERSION',
  /** Tries per job. Optional, 4. */
  maxAttempts: 'SAFELIGHT_MAX_ATTEMPTS',
  /** Name of the table of the dispatcher's own notes. */
  fleetTable: 'SAFELIGHT_FLEET_TABLE',
  /** ARN of the ECS cluster that workers run in. */
  cluster: 'SAFELIGHT_CLUSTER',
  /** ARN of the worker's task definition, revision included. */
  taskDefinition: 'SAFELIGHT_TASK_DEFINITION',
  /** Name of the task definition without its revision. */
  taskFamily: 'SAFELIGHT_TASK_FAMILY',
  /** Name of the capacity provider of spot machines. */
  spotProvider: 'SAFELIGHT_SPOT_PROVIDER',
  /** Name of the capacity provider of on-demand machines. */
  onDemandProvider: 'SAFELIGHT_ON_DEMAND_PROVIDER',
  /** When workers start, as JSON: `DispatchPolicy` in `dispatcher/decide.ts`. */
  dispatchPolicy: 'SAFELIGHT_DISPATCH_POLICY',
} as const;

type Variable = keyof typeof ENVIRONMENT;

/** A function or container: where its code is, below `function/src`, and which variables it reads. */
interface EntryPoint {
  readonly file: string;
  /** What the runtime calls; absent for a program. */
  readonly handler?: string;
  readonly required: readonly Variable[];
  readonly optional: readonly Variable[];
}

export const ENTRY_POINTS = {
  /** Lambda behind the HTTP API, payload format 2.0, for all of `/trpc/{proxy+}`. */
  api: {
    file: 'api/lambda/api.ts',
    handler: 'handler',
    required: ['jobsTable', 'limitsTable', 'queueUrl', 'imagesBucket', 'models', 'instanceTypes', 'capacity'],
    optional: ['retentionDays', 'maxQueued', 'version', 'sendsWebhooks', 'safety'],
  },
  /** Lambda behind a Function URL, auth type NONE, invoke mode RESPONSE_STREAM: `jobs.watch` only; checks keys itself. */
  stream: {
    file: 'api/lambda/stream.ts',
    handler: 'handler',
    required: ['jobsTable', 'keysTable', 'limitsTable', 'imagesBucket'],
    optional: [],
  },
  /** HttpLambdaAuthorizer, SIMPLE responses, identity source `$request.header.Authorization`, results cached a minute at most. */
  authorizer: {
    file: 'api/lambda/authorizer.ts',
    handler: 'handler',
    required: ['keysTable'],
    optional: [],
  },
  /** The GPU container's program. */
  worker: {
    file: 'worker/main.ts',
    required: ['jobsTable', 'queueUrl', 'deadLetterQueueUrl', 'imagesBucket', 'models'],
    optional: [
      ...(['provider', 'batch', 'modelsDir', 'idleSeconds', 'maxAttempts', 'retentionDays'] as const),
      'webhookSecretsParameter',
    ],
  },
  /**
   * Lambda that runs once a minute: sends webhooks that are due, and puts jobs back into the queue whose message was lost.
   * Needs of the jobs table GetItem, UpdateItem and the index by state; of the queue SendMessage and GetQueueAttributes;
   * of the parameter GetParameter, as the worker does.
   */
  housekeeper: {
    file: 'housekeeper/handler.ts',
    handler: 'handler',
    required: ['jobsTable', 'queueUrl'],
    optional: ['webhookSecretsParameter'],
  },
  /** Lambda that starts workers: for each new job, by the jobs table's stream, and once a minute. */
  dispatcher: {
    file: 'dispatcher/handler.ts',
    handler: 'handler',
    required: [
      ...(['queueUrl', 'fleetTable', 'cluster', 'taskDefinition', 'taskFamily'] as const),
      ...(['spotProvider', 'onDemandProvider', 'dispatchPolicy'] as const),
    ],
    optional: [],
  },
} as const satisfies Record<string, EntryPoint>;

/** DynamoDB's type letters. */
type KeyAttribute = { readonly name: string; readonly type: 'S' | 'N' };

interface IndexSchema {
  readonly partitionKey: KeyAttribute;
  readonly sortKey: KeyAttribute;
  /** Attributes beyond the keys; none: KEYS_ONLY. */
  readonly include: readonly string[];
}

interface TableSchema {
  readonly partitionKey: KeyAttribute;
  readonly sortKey?: KeyAttribute;
  /** Epoch seconds. */
  readonly timeToLiveAttribute?: string;
  readonly indexes: Readonly<Record<string, IndexSchema>>;
}

/** Index names of the jobs table. All are sparse, and none changes while a job makes progress. */
export const JOB_INDEX = {
  byOwner: 'by-owner',
  byState: 'by-state',
  byBill: 'by-bill',
  byModel: 'by-model',
} as const;

export const TABLES = {
  /** Jobs (`job#<id>`) and their idempotency keys (`key#<owner>#<key>`). The worker and the API read and write. */
  jobs: {
    partitionKey: { name: 'pk', type: 'S' },
    timeToLiveAttribute: 'expiresAt',
    indexes: {
      [JOB_INDEX.byOwner]: {
        partitionKey: { name: 'owner', type: 'S' },
        sortKey: { name: 'id', type: 'S' },
        include: [],
      },
      /** Unfinished jobs, and those whose end is to be announced. */
      [JOB_INDEX.byState]: {
        partitionKey: { name: 'queueState', type: 'S' },
        sortKey: { name: 'queueOrder', type: 'S' },
        include: [],
      },
      /** Succeeded jobs by owner and end: written in the same breath as the result, so a job is billed once. */
      [JOB_INDEX.byBill]: {
        partitionKey: { name: 'billedOwner', type: 'S' },
        sortKey: { name: 'billedOn', type: 'S' },
        include: ['bill'],
      },
      /** Succeeded jobs by model and end, for estimates. */
      [JOB_INDEX.byModel]: {
        partitionKey: { name: 'ranModel', type: 'S' },
        sortKey: { name: 'billedOn', type: 'S' },
        include: ['run'],
      },
    },
  },
  /** API keys by the SHA-256 of their secret. Only the authorizer and the stream read it, only the CLI writes. */
  keys: { partitionKey: { name: 'pk', type: 'S' }, indexes: {} },
  /** Counters per owner and window. The API and the stream read and write. */
  limits: {
    partitionKey: { name: 'pk', type: 'S' },
    sortKey: { name: 'sk', type: 'S' },
    timeToLiveAttribute: 'expiresAt',
    indexes: {},
  },
  /** The dispatcher's notes: one item, `fleet`. */
  fleet: { partitionKey: { name: 'pk', type: 'S' }, indexes: {} },
} as const satisfies Record<string, TableSchema>;

/** How `pk` of a job starts in the jobs table; idempotency keys start otherwise. */
export const JOB_KEY_PREFIX = 'job#';

/** Name of the worker's container in its task definition. */
export const WORKER_CONTAINER = 'worker';

/**
 * The queue of jobs. The lease in the record decides who works: a message counts its receives up also when it finds its
 * job busy, so the queue's own limit is far above the tries of a job and catches only what no worker can read.
 */
export const QUEUE = {
  visibilitySeconds: 60,
  heartbeatSeconds: 20,
  maxReceiveCount: 50,
  retentionDays: 14,
} as const;

/** How long a job stays with a worker that went silent. */
export const LEASE_SECONDS = 60;

/** What the images bucket holds, for lifecycle rules and grants. */
export const OBJECT_PREFIX = { images: 'jobs/', uploads: 'uploads/' } as const;

/** Where the models bucket has LoRAs and textual inversion embeddings, which people put there themselves. */
export const ADD_ON_PREFIX = { loras: 'loras/', embeddings: 'embeddings/' } as const;

/** SIGTERM and spot notices leave 120 seconds: ECS may kill the container after so many (`stopTimeout`). */
export const STOP_TIMEOUT_SECONDS = 115;
