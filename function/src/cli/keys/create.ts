import type { Command } from 'commander';
import type { KeyLimits } from '../../api/keys/api-key.ts';
import { FunctionError } from '../../errors.ts';
import type { UseKeys } from './index.ts';

type LimitFlags = Partial<Record<keyof KeyLimits, string>>;

export function addCreateKeyCommand(keys: Command, useKeys: UseKeys): void {
  keys
    .command('create')
    .description('make a key and print it: it is not stored and cannot be shown again')
    .argument('<name>', 'whose key it is')
    .option('--requests-per-minute <number>', 'calls of any kind (default: no limit)')
    .option('--concurrent-jobs <number>', 'jobs that wait or run at a time (default: no limit)')
    .option('--images-per-day <number>', 'pictures asked for per day, UTC (default: no limit)')
    .option('--usd-per-month <number>', 'estimated price of all pictures per month, UTC (default: no limit)')
    .action(async (name: string, flags: LimitFlags) => {
      const limits = parseLimits(flags);
      const { secret, key } = await useKeys((store) => store.create(name, limits));
      process.stderr.write(`Made key ${key.owner} for ${name}. Keep it now: it cannot be shown again.\n`);
      process.stdout.write(`${secret}\n`);
    });
}

function parseLimits(flags: LimitFlags): KeyLimits {
  const { requestsPerMinute, concurrentJobs, imagesPerDay, usdPerMonth } = flags;
  return {
    ...(requestsPerMinute === undefined
      ? {}
      : { requestsPerMinute: parseWhole('requests-per-minute', requestsPerMinute) }),
    ...(concurrentJobs === undefined ? {} : { concurrentJobs: parseWhole('concurrent-jobs', concurrentJobs) }),
    ...(imagesPerDay === undefined ? {} : { imagesPerDay: parseWhole('images-per-day', imagesPerDay) }),
    ...(usdPerMonth === undefined ? {} : { usdPerMonth: parseMoney(usdPerMonth) }),
  };
}

function parseWhole(field: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value > 0) return value;
  throw new FunctionError('invalid_input', `${field} must be a whole number above 0`, { field });
}

function parseMoney(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  const field = 'usd-per-month';
  throw new FunctionError('invalid_input', `${field} must be a number above 0`, { field });
}
