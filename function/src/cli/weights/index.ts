import type { Command } from 'commander';
import type { CliConfig } from '../config.ts';
import { addConvertCommand } from './convert.ts';
import { addInspectCommand } from './inspect.ts';
import { addVerifyCommand } from './verify.ts';

export function addWeightsCommand(program: Command, config: CliConfig): void {
  const weights = program.command('weights').description('look into checkpoints and make models of them');
  addInspectCommand(weights);
  addConvertCommand(weights, config);
  addVerifyCommand(weights, config);
}
