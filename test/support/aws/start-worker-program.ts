import type { Engine } from '../../../function/src/engine.ts';
import { readWorkerConfig } from '../../../function/src/worker/config.ts';
import { type RunWorkerOptions, runWorker, type WorkerEnd } from '../../../function/src/worker/run-worker.ts';
import type { Stack } from './stack.ts';

export interface WorkerProgram {
  ended: Promise<WorkerEnd>;
  /** As SIGTERM does. */
  stop(): void;
}

export interface WorkerProgramOptions {
  /** Where models are kept on the worker's disk. */
  modelsDir: string;
  idleSeconds?: number;
  engine?: Engine;
  fetch?: typeof fetch;
  pace?: RunWorkerOptions['pace'];
}

const noEc2: typeof fetch = () => Promise.reject(new Error('There is no EC2 here'));

/** The environment that a deployment gives its worker. */
export function workerEnvironment({ config, sqs }: Stack, modelsDir: string): Record<string, string> {
  return {
    SAFELIGHT_JOBS_TABLE: config.jobsTable,
    SAFELIGHT_QUEUE_URL: sqs.queueUrl,
    SAFELIGHT_DEAD_LETTER_QUEUE_URL: sqs.deadLetterQueueUrl,
    SAFELIGHT_IMAGES_BUCKET: config.imagesBucket,
    SAFELIGHT_MODELS: 's3://models/mini',
    SAFELIGHT_MODELS_DIR: modelsDir,
    SAFELIGHT_PROVIDER: 'cpu',
  };
}

/** The worker's program in this process, with clients of its own. */
export function startWorkerProgram(stack: Stack, options: WorkerProgramOptions): WorkerProgram {
  const { modelsDir, idleSeconds = 60, engine, fetch = noEc2, pace } = options;
  const stop = new AbortController();
  const environment = workerEnvironment(stack, modelsDir);
  const ended = runWorker({
    config: { ...readWorkerConfig(environment), idleSeconds },
    clients: { dynamo: stack.dynamo.client(), sqs: stack.sqs.client(), s3: stack.s3.client() },
    logger: stack.logger,
    signal: stop.signal,
    fetch,
    pace: { waitSeconds: 1, heartbeatMs: 100, phaseIntervalMs: 20, backoffMs: 10, ...pace },
    ...(engine === undefined ? {} : { engine }),
  });
  return { ended, stop: () => stop.abort() };
}
