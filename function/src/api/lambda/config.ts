import { type SafetyPolicy, safetyPolicySchema } from '@safelight/sdk/contract';
import { type CapacityKind, gpuPriceOf } from '../../aws/price-list.ts';
import { readModels } from '../../aws/read-models.ts';
import { readCount, readVariables } from '../../aws/read-variables.ts';
import { FunctionError } from '../../errors.ts';

const DEFAULT_RETENTION_DAYS = 90;
const DEFAULT_MAX_QUEUED = 1000;

const readCapacity = (text: string): CapacityKind => {
  if (text === 'spot' || text === 'on-demand') return text;
  throw new FunctionError('unavailable', 'SAFELIGHT_CAPACITY must be spot or on-demand');
};

const readSafety = (text: string): SafetyPolicy => {
  const parsed = safetyPolicySchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new FunctionError('unavailable', 'SAFELIGHT_SAFETY must be flag, blur or block');
};

/** What the API's function reads from the environment. @throws FunctionError naming what is missing or wrong. */
export const readApiConfig = (env: NodeJS.ProcessEnv = process.env) => {
  const variables = readVariables('api', env);
  const { models, instanceTypes, capacity, retentionDays, maxQueued, version, sendsWebhooks, safety, ...names } =
    variables;
  const gpuPrice = gpuPriceOf(instanceTypes.split(',')[0] ?? '', readCapacity(capacity));
  return {
    ...names,
    models: readModels(models),
    gpuPrice,
    retentionDays: readCount('retentionDays', retentionDays, DEFAULT_RETENTION_DAYS),
    maxQueued: readCount('maxQueued', maxQueued, DEFAULT_MAX_QUEUED),
    safety: readSafety(safety ?? 'flag'),
    version: version ?? 'unknown',
    // To the public internet only: a caller must not reach what the network lets nobody in to.
    webhooks: sendsWebhooks === 'true' ? { allowsPrivate: false } : undefined,
  };
};

/** What the streaming function reads from the environment. */
export const readStreamConfig = (env: NodeJS.ProcessEnv = process.env) => readVariables('stream', env);

/** What the authorizer reads from the environment. */
export const readAuthorizerConfig = (env: NodeJS.ProcessEnv = process.env) => readVariables('authorizer', env);
