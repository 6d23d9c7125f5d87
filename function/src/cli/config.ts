import { homedir } from 'node:os';
import { join } from 'node:path';
import { type SafetyPolicy, safetyPolicySchema } from '@safelight/sdk/contract';
import envPaths from 'env-paths';
import { FunctionError } from '../errors.ts';
import type { Target } from '../graphs/layers/layers.ts';

/** More than any machine has. */
const MAX_THREADS = 1024;
/** More than any GPU has memory for. */
const MAX_BATCH = 64;

/** Everything the command line reads from the environment. */
export interface CliConfig {
  /** `SAFELIGHT_CACHE_DIR`: compiled models. */
  cacheDir: string;
  /** `SAFELIGHT_DATA_DIR`: jobs and pictures of `serve`. */
  dataDir: string;
  /** `SAFELIGHT_MODELS_DIR`: converted checkpoints. */
  modelsDir: string;
  /** `SAFELIGHT_LORAS`: LoRA files. */
  lorasDir: string;
  /** `SAFELIGHT_EMBEDDINGS`: textual inversion embeddings. */
  embeddingsDir: string;
  /** `SAFELIGHT_DEVICE`: what this machine draws with, cpu or cuda. */
  device: Target;
  /** `SAFELIGHT_THREADS`: processors to draw with; undefined for as many as the process may use. */
  threads: number | undefined;
  /** `SAFELIGHT_BATCH`: how many jobs of 512×512 `serve` draws together; undefined for what suits the device. */
  batch: number | undefined;
  /** `SAFELIGHT_SAFETY`: what becomes of pictures that a safety checker objects to, here: flag, blur or block. */
  safety: SafetyPolicy;
  /** `SAFELIGHT_BLOCKED_WORDS`: a file of words that `serve` takes no prompt with. */
  blockedWords: string | undefined;
  /** `SAFELIGHT_ENDPOINT`: draw there rather than on this machine. */
  endpoint: string | undefined;
  /** `SAFELIGHT_API_KEY`: presented to the endpoint, and asked for by `serve`. */
  apiKey: string | undefined;
  /** `SAFELIGHT_WEBHOOK_SECRETS`, separated by spaces or commas: what `serve` signs webhooks with. */
  webhookSecrets: string[];
  /** `SAFELIGHT_KEYS_TABLE`: API keys of an endpoint on AWS. */
  keysTable: string | undefined;
  /** `HF_TOKEN`: presented to the Hugging Face hub. */
  hubToken: string | undefined;
}

/** @throws FunctionError `invalid_input` for a device, a number of threads or jobs, or a policy that is none. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): CliConfig {
  const paths = envPaths('safelight', { suffix: '' });
  return {
    cacheDir: setting(env, 'SAFELIGHT_CACHE_DIR') ?? paths.cache,
    dataDir: setting(env, 'SAFELIGHT_DATA_DIR') ?? paths.data,
    modelsDir: setting(env, 'SAFELIGHT_MODELS_DIR') ?? join(paths.data, 'models'),
    lorasDir: setting(env, 'SAFELIGHT_LORAS') ?? join(paths.data, 'loras'),
    embeddingsDir: setting(env, 'SAFELIGHT_EMBEDDINGS') ?? join(paths.data, 'embeddings'),
    device: parseDevice(setting(env, 'SAFELIGHT_DEVICE') ?? 'cpu', 'SAFELIGHT_DEVICE'),
    threads: parseThreads(setting(env, 'SAFELIGHT_THREADS'), 'SAFELIGHT_THREADS'),
    batch: parseCount(setting(env, 'SAFELIGHT_BATCH'), 'SAFELIGHT_BATCH', MAX_BATCH),
    safety: parseSafety(setting(env, 'SAFELIGHT_SAFETY') ?? 'flag', 'SAFELIGHT_SAFETY'),
    blockedWords: setting(env, 'SAFELIGHT_BLOCKED_WORDS'),
    endpoint: setting(env, 'SAFELIGHT_ENDPOINT'),
    apiKey: setting(env, 'SAFELIGHT_API_KEY'),
    webhookSecrets: setting(env, 'SAFELIGHT_WEBHOOK_SECRETS')?.split(/[\s,]+/) ?? [],
    keysTable: setting(env, 'SAFELIGHT_KEYS_TABLE'),
    hubToken: setting(env, 'HF_TOKEN'),
  };
}

/** @throws FunctionError `invalid_input` naming the option or variable. */
export function parseDevice(device: string, name: string): Target {
  if (device === 'cpu' || device === 'cuda') return device;
  throw new FunctionError('invalid_input', `${name} must be cpu or cuda`, { field: name });
}

/** @throws FunctionError `invalid_input` naming the option or variable. */
export function parseThreads(text: string | undefined, name: string): number | undefined {
  return parseCount(text, name, MAX_THREADS);
}

function parseCount(text: string | undefined, name: string, most: number): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= most) return count;
  throw new FunctionError('invalid_input', `${name} must be a whole number from 1 to ${most}`, { field: name });
}

/** @throws FunctionError `invalid_input` naming the option or variable. */
export function parseSafety(policy: string, name: string): SafetyPolicy {
  const parsed = safetyPolicySchema.safeParse(policy);
  if (parsed.success) return parsed.data;
  throw new FunctionError('invalid_input', `${name} must be flag, blur or block`, { field: name });
}

/** A variable set to nothing counts as not set, as in most shells' scripts. */
function setting(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]?.trim();
  if (value === undefined || value === '') return undefined;
  return value.startsWith('~/') ? join(homedir(), value.slice(2)) : value;
}
