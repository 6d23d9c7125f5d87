import type { Command } from 'commander';
import type { CliConfig } from './config.ts';

export function addLorasCommand(program: Command, config: CliConfig): void {
  program
    .command('loras')
    .description('list the LoRAs that prompts can name on this machine')
    .option('--loras <folder>', 'where they lie (default: SAFELIGHT_LORAS or a folder of the data folder)')
    .option('--json', 'print them as JSON')
    .action(async (flags: { loras?: string; json?: boolean }) => {
      const [{ createLoraFolder }, { createAddOnFolder }] = await Promise.all([
        import('../add-ons/loras/find-loras.ts'),
        import('../add-ons/add-on-folder.ts'),
      ]);
      const folder = flags.loras ?? config.lorasDir;
      const names = await createLoraFolder(createAddOnFolder(folder)).list();
      if (flags.json) process.stdout.write(`${JSON.stringify(names)}\n`);
      else process.stdout.write(names.length === 0 ? `No LoRAs in ${folder}\n` : `${names.join('\n')}\n`);
    });
}
