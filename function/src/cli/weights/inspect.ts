import type { Command } from 'commander';
import { type CheckpointSummary, inspectCheckpoint } from '../../checkpoint/inspect-checkpoint.ts';

/** How many names of a long list are shown. */
const SHOWN_NAMES = 5;

export function addInspectCommand(weights: Command): void {
  weights
    .command('inspect')
    .description('say what a checkpoint is, without loading it')
    .argument('<checkpoint>', '.ckpt, .safetensors, or a diffusers folder')
    .option('--json', 'print it as JSON')
    .action(async (path: string, flags: { json?: boolean }) => {
      const summary = await inspectCheckpoint(path);
      process.stdout.write(flags.json ? `${JSON.stringify(summary)}\n` : describeSummary(summary));
    });
}

function describeSummary(summary: CheckpointSummary): string {
  const { kind, layout, files, nesting, components, dtypes, hasEma, missing, extra, problem } = summary;
  const inside = nesting.length > 0 ? `, inside ${nesting.join(' → ')}` : '';
  const lines = [
    kind,
    `  layout: ${layout}${inside}`,
    ...files.map(({ name, format }) => `  file: ${name} (${format})`),
    ...Object.entries(components).map(
      ([name, { tensors, parameters }]) => `  ${name}: ${tensors} tensors, ${millions(parameters)} M parameters`,
    ),
    `  stored as: ${Object.entries(dtypes)
      .map(([type, parameters]) => `${type} (${millions(parameters)} M)`)
      .join(', ')}`,
    `  averaged weights (EMA): ${hasEma ? 'yes' : 'no'}`,
    ...namesLine('missing', missing),
    ...namesLine('not used', extra),
    problem === undefined ? '  can be converted' : `  cannot be converted: ${problem}`,
  ];
  return `${lines.join('\n')}\n`;
}

function namesLine(label: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : '';
  return [`  ${label}: ${names.slice(0, SHOWN_NAMES).join(', ')}${more}`];
}

function millions(parameters: number): string {
  return (parameters / 1e6).toFixed(1);
}
