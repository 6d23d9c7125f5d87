import { SIZE_STEP } from '@safelight/sdk/contract';
import type { Command } from 'commander';
import type { CliConfig } from '../config.ts';
import { tellIgnored } from './ignored-flags.ts';
import { runScriptCommand } from './run-command.ts';
import { addScriptOptions, parseScriptFlags, refused, type ScriptFlags, whole } from './script-flags.ts';

interface Txt2ImgFlags extends ScriptFlags {
  H: string;
  W: string;
  dpm_solver?: boolean;
  laion400m?: boolean;
}

const MAX_SIDE = 16_384;

export function addTxt2ImgCommand(program: Command, config: CliConfig): void {
  const defaults = { outdir: 'outputs/txt2img-samples', n_iter: '2', n_samples: '3', scale: '7.5' };
  const command = program.command('txt2img').description("CompVis' scripts/txt2img.py: its flags, its pictures");
  addScriptOptions(command, defaults)
    .option('--H <pixels>', 'image height, in pixel space', '512')
    .option('--W <pixels>', 'image width, in pixel space', '512')
    .option('--dpm_solver', 'use dpm_solver sampling')
    .option('--laion400m', 'refused: that model is not Stable Diffusion v1')
    .action((flags: Txt2ImgFlags) => txt2img(command, flags, config));
}

async function txt2img(command: Command, flags: Txt2ImgFlags, config: CliConfig): Promise<void> {
  if (flags.laion400m) throw refused('laion400m', 'is another architecture, which is not drawn here: leave it out');
  const settings = await parseScriptFlags(flags);
  const sampler = flags.dpm_solver ? 'dpm_solver' : flags.plms ? 'plms' : 'ddim';
  if (sampler === 'plms' && settings.eta !== 0) throw refused('ddim_eta', 'must be 0 for PLMS');
  if (sampler === 'dpm_solver' && settings.steps < 2)
    throw refused('ddim_steps', 'must be 2 or more with --dpm_solver');
  tellIgnored(command, {
    ...(sampler === 'dpm_solver' && settings.eta !== 0 && { ddim_eta: 'DPM-Solver adds no noise' }),
  });
  const kind = {
    width: sideOf('W', flags.W),
    height: sideOf('H', flags.H),
    sampler,
    fixedCode: flags.fixed_code === true,
    checksSafety: true,
    isWatermarked: true,
    source: 'trainedAlgorithmicMedia',
  } as const;
  await runScriptCommand(kind, settings, flags, config);
}

/** The original draws whole latent cells: what is left over is cut off. */
function sideOf(flag: 'H' | 'W', text: string): number {
  return Math.floor(whole(flag, text, 1, MAX_SIDE) / SIZE_STEP) * SIZE_STEP;
}
