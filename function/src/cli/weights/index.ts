import type { Command } from 'commander';
import type { CliConfig } from '../config.ts';
import { addConvertCommand } from './convert.ts';
import { addDownloadCommand } from './download.ts';
import { addInspectCommand } from './inspect.ts';
import { addPullCommand } from './pull.ts';
import { addPushCommand } from './push.ts';
import { addVerifyCommand } from './verify.ts';

export function addWeightsCommand(program: Command, config: CliConfig): void {
  const weights = program.command('weights').description('get checkpoints, make models of them, and hand models on');
  addDownloadCommand(weights, config);
  addInspectCommand(weights);
  addConvertCommand(weights, config);
  addVerifyCommand(weights, config);
  addPushCommand(weights, config);
  addPullCommand(weights, config);
}
