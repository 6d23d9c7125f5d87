import type { Command } from 'commander';

/** Says of flags that were given, and that the original scripts know, why they make no difference here. */
export function tellIgnored(command: Command, reasons: Readonly<Record<string, string>>): void {
  const all = { precision: 'the device decides, float32 on a CPU and float16 on a GPU', ...reasons };
  for (const [flag, reason] of Object.entries(all)) {
    if (command.getOptionValueSource(flag) !== 'cli') continue;
    process.stderr.write(`Note: --${flag} changes nothing: ${reason}.\n`);
  }
}
