import { createSafelight } from '@safelight/sdk';
import { type PromptReading, readPromptInputSchema } from '@safelight/sdk/contract';
import type { Command } from 'commander';
import type { CliConfig } from './config.ts';
import { parseInput, parseNumber } from './generate-input.ts';

interface PromptFlags {
  syntax?: string;
  steps?: string;
  sampler?: string;
  endpoint?: string;
  json?: boolean;
}

export function addPromptCommand(program: Command, config: CliConfig): void {
  program
    .command('prompt')
    .description('say how a prompt is read: tokens, weights, what holds when')
    .argument('<prompt...>')
    .option('--syntax <name>', 'a1111 or plain')
    .option('--steps <number>', 'of the run that parts of the prompt switch in')
    .option('--sampler <name>', 'of that run')
    .option('--endpoint <url>', 'ask a Safelight server rather than this machine')
    .option('--json', 'print it as JSON')
    .action(async (words: string[], { syntax, steps, sampler, ...flags }: PromptFlags) => {
      const typed = { prompt: words.join(' '), promptSyntax: syntax, steps: parseNumber(steps), sampler };
      const input = parseInput(readPromptInputSchema, typed);
      const endpoint = flags.endpoint ?? config.endpoint;
      const reading =
        endpoint === undefined
          ? await (await import('../describe-prompt.ts')).describePrompt(input)
          : await createSafelight({ endpoint, apiKey: config.apiKey }).prompts.read(input);
      process.stdout.write(flags.json ? `${JSON.stringify(reading)}\n` : describeReading(reading));
    });
}

function describeReading({ parts, texts, warnings }: PromptReading): string {
  const lines: string[] = [];
  for (const { weight, schedule } of parts) {
    if (parts.length > 1) lines.push(`Towards, weight ${weight}:`);
    for (const { until, text } of schedule) {
      if (schedule.length > 1) lines.push(`Until prediction ${until}:`);
      const read = texts[text];
      if (read !== undefined) lines.push(...describeText(read));
    }
  }
  lines.push(...warnings.map(({ message }) => `Note: ${message}`));
  return `${lines.join('\n')}\n`;
}

function describeText({ tokenCount, chunks }: PromptReading['texts'][number]): string[] {
  const described = chunks.map((chunk, i) => {
    const tokens = chunk.map(({ text, weight }) => (weight === 1 ? text : `${text}×${Number(weight.toFixed(3))}`));
    return `  ${chunks.length > 1 ? `chunk ${i + 1}: ` : ''}${tokens.join(' ')}`;
  });
  return [`${tokenCount} ${tokenCount === 1 ? 'token' : 'tokens'} of ${75 * chunks.length}`, ...described];
}
