import { createSafelight, type Safelight } from '@safelight/sdk';
import type { Job } from '@safelight/sdk/contract';
import type { Command } from 'commander';
import { FunctionError } from '../errors.ts';
import { describeStatus, type ServerStatus } from '../telemetry/describe-status.ts';
import { readStatus, type StatusSource } from '../telemetry/read-status.ts';
import type { SummarizedJob } from '../telemetry/summarize-jobs.ts';
import type { CliConfig } from './config.ts';
import { parseNumber } from './generate-input.ts';

interface StatusFlags {
  endpoint?: string;
  hours?: string;
  json?: boolean;
}

/** Where `safelight serve` listens unless told otherwise. */
const LOCAL_SERVER = 'http://127.0.0.1:7788';
const MAX_HOURS = 31 * 24;

export function addStatusCommand(program: Command, config: CliConfig): void {
  program
    .command('status')
    .description('say how a server is doing: queue, jobs, failures, where the time and the money went')
    .option('--endpoint <url>', `the server (default: SAFELIGHT_ENDPOINT or ${LOCAL_SERVER})`)
    .option('--hours <number>', 'how far to look back (default: 24)')
    .option('--json', 'print it as JSON')
    .action(async (flags: StatusFlags) => {
      const endpoint = flags.endpoint ?? config.endpoint ?? LOCAL_SERVER;
      const safelight = createSafelight({ endpoint, apiKey: config.apiKey });
      const options = { hours: parseHours(flags.hours), now: Date.now() };
      const status = await readStatus(createRemoteStatus(safelight), options);
      process.stdout.write(flags.json ? `${JSON.stringify(status)}\n` : renderText(status));
    });
}

function parseHours(text: string | undefined): number {
  const hours = parseNumber(text) ?? 24;
  if (hours >= 1 && hours <= MAX_HOURS) return hours;
  throw new FunctionError('invalid_input', `hours must be a number from 1 to ${MAX_HOURS}`, { field: 'hours' });
}

/** A server as its client sees it. */
function createRemoteStatus(safelight: Safelight): StatusSource {
  return {
    health: () => safelight.health(),
    models: () => safelight.models.list(),
    async list(page) {
      const { jobs, nextCursor } = await safelight.list(page);
      return { jobs: jobs.map(toSummarized), nextCursor };
    },
    usage: (range) => safelight.usage(range),
  };
}

function toSummarized(job: Job): SummarizedJob {
  const hasPictures = job.status === 'succeeded';
  return {
    status: job.status,
    createdAt: Date.parse(job.createdAt),
    finishedAt: 'finishedAt' in job ? Date.parse(job.finishedAt) : null,
    pictures: hasPictures ? job.images.length : 0,
    timings: hasPictures ? job.timings : undefined,
    errorCode: job.status === 'failed' ? job.error.code : undefined,
  };
}

function renderText(status: ServerStatus): string {
  const { lines, phases } = describeStatus(status);
  const width = Math.max(...lines.map(([name]) => name.length)) + 2;
  const facts = lines.map(([name, value]) => `${name.padEnd(width)}${value}`);
  const table = phases.map(
    ([phase, ...cells]) => phase.padEnd(width) + cells.map((cell) => cell.padStart(10)).join(''),
  );
  return `${[...facts, ...(table.length > 1 ? ['', ...table] : [])].join('\n')}\n`;
}
