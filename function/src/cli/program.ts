import { Command } from 'commander';
import { packageVersion } from '../package-version.ts';
import type { CliConfig } from './config.ts';
import { addEmbeddingsCommand } from './embeddings.ts';
import { addGenerateCommand } from './generate.ts';
import { addKeysCommand } from './keys/index.ts';
import { addLorasCommand } from './loras.ts';
import { addMcpCommand } from './mcp/index.ts';
import { addModelsCommand } from './models.ts';
import { addImg2ImgCommand } from './original/img2img.ts';
import { addTxt2ImgCommand } from './original/txt2img.ts';
import { addPngInfoCommand } from './png-info.ts';
import { addPromptCommand } from './prompt.ts';
import { addServeCommand } from './serve.ts';
import { addStatusCommand } from './status.ts';
import { addWatermarkCommand } from './watermark.ts';
import { addWeightsCommand } from './weights/index.ts';

/** The command with all that it can do. */
export function createProgram(config: CliConfig): Command {
  const program = new Command('safelight')
    .description('Stable Diffusion v1 on this machine or on your own endpoint')
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError('(run "safelight --help" for the commands)');
  addGenerateCommand(program, config);
  addTxt2ImgCommand(program, config);
  addImg2ImgCommand(program, config);
  addServeCommand(program, config);
  addMcpCommand(program, config);
  addStatusCommand(program, config);
  addModelsCommand(program, config);
  addLorasCommand(program, config);
  addPromptCommand(program, config);
  addEmbeddingsCommand(program, config);
  addPngInfoCommand(program);
  addWatermarkCommand(program);
  addWeightsCommand(program, config);
  addKeysCommand(program, config);
  return program;
}
