import { homedir } from 'node:os';
import { join } from 'node:path';
import envPaths from 'env-paths';

/** Everything the command line reads from the environment. */
export interface CliConfig {
  /** `SAFELIGHT_CACHE_DIR`: compiled models. */
  cacheDir: string;
  /** `SAFELIGHT_DATA_DIR`: jobs and pictures of `serve`. */
  dataDir: string;
  /** `SAFELIGHT_MODELS_DIR`: converted checkpoints. */
  modelsDir: string;
  /** `SAFELIGHT_ENDPOINT`: draw there rather than on this machine. */
  endpoint: string | undefined;
  /** `SAFELIGHT_API_KEY`: presented to the endpoint, and asked for by `serve`. */
  apiKey: string | undefined;
  /** `HF_TOKEN`: presented to the Hugging Face hub. */
  hubToken: string | undefined;
}

export function readConfig(env: NodeJS.ProcessEnv = process.env): CliConfig {
  const paths = envPaths('safelight', { suffix: '' });
  return {
    cacheDir: setting(env, 'SAFELIGHT_CACHE_DIR') ?? paths.cache,
    dataDir: setting(env, 'SAFELIGHT_DATA_DIR') ?? paths.data,
    modelsDir: setting(env, 'SAFELIGHT_MODELS_DIR') ?? join(paths.data, 'models'),
    endpoint: setting(env, 'SAFELIGHT_ENDPOINT'),
    apiKey: setting(env, 'SAFELIGHT_API_KEY'),
    hubToken: setting(env, 'HF_TOKEN'),
  };
}

/** A variable set to nothing counts as not set, as in most shells' scripts. */
function setting(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]?.trim();
  if (value === undefined || value === '') return undefined;
  return value.startsWith('~/') ? join(homedir(), value.slice(2)) : value;
}
