import type { Command } from 'commander';
import type { CliConfig } from '../config.ts';
import { readPictureFile } from '../sent-pictures.ts';
import { tellIgnored } from './ignored-flags.ts';
import { runScriptCommand } from './run-command.ts';
import { addScriptOptions, decimal, parseScriptFlags, refused, type ScriptFlags } from './script-flags.ts';

interface Img2ImgFlags extends ScriptFlags {
  initImg?: string;
  strength: string;
}

export function addImg2ImgCommand(program: Command, config: CliConfig): void {
  const defaults = { outdir: 'outputs/img2img-samples', n_iter: '1', n_samples: '2', scale: '5.0' };
  const command = program.command('img2img').description("CompVis' scripts/img2img.py: its flags, its pictures");
  addScriptOptions(command, defaults)
    .option('--init-img <file>', 'path to the input image')
    .option('--strength <number>', '1.0 corresponds to full destruction of information in init image', '0.75')
    .action((flags: Img2ImgFlags) => img2img(command, flags, config));
}

async function img2img(command: Command, flags: Img2ImgFlags, config: CliConfig): Promise<void> {
  if (flags.plms) throw refused('plms', 'is not supported from a picture, as in the original: leave it out');
  if (flags.initImg === undefined) throw refused('init-img', 'is missing: name the picture to start from');
  const settings = await parseScriptFlags(flags);
  const strength = decimal('strength', flags.strength, 0, 1);
  tellIgnored(command, { fixed_code: 'img2img has no use for it' });
  const { data } = await readPictureFile('init-img', flags.initImg);
  // Imported here so that other commands start without sharp.
  const { openInitImage } = await import('../../pipeline/original/open-init-image.ts');
  const picture = await openInitImage(data);
  const kind = {
    width: picture.width,
    height: picture.height,
    sampler: 'ddim',
    start: { picture, strength },
    fixedCode: false,
    checksSafety: false,
    isWatermarked: false,
    source: 'compositeWithTrainedAlgorithmicMedia',
  } as const;
  await runScriptCommand(kind, settings, flags, config);
}
