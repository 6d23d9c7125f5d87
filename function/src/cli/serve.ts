import type { Command } from 'commander';
import type { EngineOptions } from '../create-engine.ts';
import { FunctionError } from '../errors.ts';
import type { Logger } from '../jobs/logger.ts';
import { packageVersion } from '../package-version.ts';
import type { JobTraces } from '../telemetry/trace-jobs.ts';
import { type CliConfig, parseDevice, parseSafety, parseThreads } from './config.ts';
import { interruptSignal } from './interrupt.ts';

interface ServeFlags {
  host: string;
  port?: string;
  dataDir?: string;
  cors?: string[];
  publicUrl?: string;
  loras?: string;
  device?: string;
  threads?: string;
  embeddings?: string;
  safety?: string;
  blockedWords?: string;
  allowPrivateWebhooks?: boolean;
  quiet?: boolean;
}

export function addServeCommand(program: Command, config: CliConfig): void {
  program
    .command('serve')
    .description('serve the API on this machine')
    .option('--host <address>', 'address to listen on; any but loopback needs SAFELIGHT_API_KEY', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 picks a free one (default: 7788)')
    .option(
      '--data-dir <folder>',
      "where jobs and pictures are kept (default: SAFELIGHT_DATA_DIR or the user's data folder)",
    )
    .option('--cors <origin...>', 'web origins that may call from a browser')
    .option('--public-url <url>', 'how clients reach this server, where a proxy stands before it')
    .option('--loras <folder>', 'where LoRA files lie (default: SAFELIGHT_LORAS or a folder of the data folder)')
    .option('--embeddings <folder>', 'textual inversion embeddings (default: SAFELIGHT_EMBEDDINGS)')
    .option('--device <name>', 'what to draw with: cpu or cuda (default: SAFELIGHT_DEVICE or cpu)')
    .option(
      '--threads <number>',
      'processors to draw with (default: SAFELIGHT_THREADS or all that the process may use)',
    )
    .option(
      '--safety <policy>',
      'flag, blur or block what a safety checker objects to (default: SAFELIGHT_SAFETY or flag)',
    )
    .option('--blocked-words <file>', 'refuse prompts with these words, one a line (default: SAFELIGHT_BLOCKED_WORDS)')
    .option('--allow-private-webhooks', 'send webhooks to http: addresses and private networks, too')
    .option('--quiet', 'no log')
    .action((flags: ServeFlags) => serveCommand(flags, config));
}

async function serveCommand(flags: ServeFlags, config: CliConfig): Promise<void> {
  const [{ createEngine }, { readWords, refuseWords }, { startServer }, { createJsonLogger, silentLogger }] =
    await Promise.all([
      import('../create-engine.ts'),
      import('../api/blocked-words.ts'),
      import('../api/serve.ts'),
      import('../jobs/logger.ts'),
    ]);
  const blockedWords = flags.blockedWords ?? config.blockedWords;
  const words = blockedWords === undefined ? undefined : await readWords(blockedWords);
  const engine = await createEngine(engineOptions(flags, config));
  const logger = flags.quiet ? silentLogger : createJsonLogger((line) => process.stderr.write(line));
  const traces = await startTraces(logger);
  const signal = interruptSignal();
  const server = await startServer({
    engine,
    dataDir: flags.dataDir ?? config.dataDir,
    host: flags.host,
    apiKeys: config.apiKey === undefined ? [] : [config.apiKey],
    webhookSecrets: config.webhookSecrets,
    allowPrivateWebhooks: flags.allowPrivateWebhooks ?? false,
    ...(traces && { onFinished: traces.record }),
    ...(words === undefined ? {} : { checkPrompt: refuseWords(words) }),
    ...(flags.port === undefined ? {} : { port: parsePort(flags.port) }),
    ...(flags.cors === undefined ? {} : { corsOrigins: flags.cors }),
    ...(flags.publicUrl === undefined ? {} : { publicUrl: flags.publicUrl }),
    logger,
  });
  process.stdout.write(`Safelight is listening on ${server.url}\n`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.close();
  await engine.close();
  await traces?.close();
}

/** What the command line says, and else the environment. */
function engineOptions(flags: ServeFlags, config: CliConfig): EngineOptions {
  return {
    ...config,
    lorasDir: flags.loras ?? config.lorasDir,
    embeddingsDir: flags.embeddings ?? config.embeddingsDir,
    device: flags.device === undefined ? config.device : parseDevice(flags.device, 'device'),
    threads: parseThreads(flags.threads, 'threads') ?? config.threads,
    safety: flags.safety === undefined ? config.safety : parseSafety(flags.safety, 'safety'),
  };
}

/** OpenTelemetry is loaded only where the environment names a collector. */
async function startTraces(logger: Logger, env: NodeJS.ProcessEnv = process.env): Promise<JobTraces | undefined> {
  const collectors = [env.OTEL_EXPORTER_OTLP_ENDPOINT, env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT];
  const isWanted = collectors.some((url) => url !== undefined && url.trim() !== '');
  if (!isWanted || env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return undefined;
  const { startJobTraces } = await import('../telemetry/trace-jobs.ts');
  return startJobTraces(packageVersion(), logger);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new FunctionError('invalid_input', 'port must be a whole number from 0 to 65535', { field: 'port' });
}
