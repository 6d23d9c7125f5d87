import type { ModelInfo } from '@safelight/sdk/contract';
import type { Command } from 'commander';
import type { CliConfig } from './config.ts';
import { createDrawer } from './draw.ts';

interface ModelsFlags {
  endpoint?: string;
  json?: boolean;
}

export function addModelsCommand(program: Command, config: CliConfig): void {
  program
    .command('models')
    .description('list the models and what they draw')
    .option('--endpoint <url>', 'ask a Safelight server rather than this machine')
    .option('--json', 'print them as JSON')
    .action(async (flags: ModelsFlags) => {
      const models = await createDrawer(flags.endpoint ?? config.endpoint, config).models();
      process.stdout.write(flags.json ? `${JSON.stringify(models)}\n` : models.map(describeModel).join('\n'));
    });
}

function describeModel({ name, version, description, license, limits, defaults, concepts }: ModelInfo): string {
  const lines = [
    `${name} ${version}`,
    `  ${description}`,
    `  Size ${defaults.width}×${defaults.height} (${limits.minSize} to ${limits.maxSize}), ${defaults.steps} steps, guidance ${defaults.guidanceScale}, sampler ${defaults.sampler}`,
    `  Licence ${license.name} (${license.url}). ${license.useRestrictions}`,
  ];
  if (concepts !== undefined) lines.push(`  Draws: ${concepts.join(', ')}`);
  return `${lines.join('\n')}\n`;
}
