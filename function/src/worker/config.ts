import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readModels } from '../aws/read-models.ts';
import { readCount, readVariables } from '../aws/read-variables.ts';
import { FunctionError } from '../errors.ts';
import type { Target } from '../graphs/layers/layers.ts';

const DEFAULT_IDLE_SECONDS = 300;
const DEFAULT_MAX_ATTEMPTS = 4;
const DEFAULT_RETENTION_DAYS = 90;

const readProvider = (text: string | undefined): Target => {
  if (text === undefined || text === 'cuda') return 'cuda';
  if (text === 'cpu') return 'cpu';
  throw new FunctionError('unavailable', 'SAFELIGHT_PROVIDER must be cuda or cpu');
};

/** What the worker reads from the environment. @throws FunctionError naming what is missing or wrong. */
export const readWorkerConfig = (env: NodeJS.ProcessEnv = process.env) => {
  const variables = readVariables('worker', env);
  const { models, provider, batch, modelsDir, idleSeconds, maxAttempts, retentionDays, ...names } = variables;
  return {
    ...names,
    models: readModels(models),
    provider: readProvider(provider),
    batch: batch === undefined ? undefined : readCount('batch', batch, 1),
    modelsDir: modelsDir ?? join(tmpdir(), 'safelight-models'),
    idleSeconds: readCount('idleSeconds', idleSeconds, DEFAULT_IDLE_SECONDS),
    maxAttempts: readCount('maxAttempts', maxAttempts, DEFAULT_MAX_ATTEMPTS),
    retentionDays: readCount('retentionDays', retentionDays, DEFAULT_RETENTION_DAYS),
  };
};
export type WorkerConfig = ReturnType<typeof readWorkerConfig>;
