import { createHash } from 'node:crypto';
import {
  maskFillSchema,
  resizeModeSchema,
  safetyPolicySchema,
  samplerSchema,
  scheduleSchema,
} from '@safelight/sdk/contract';
import type { Command } from 'commander';
import { type CliConfig, parseDevice, parseThreads } from './config.ts';
import { createDrawer, type Drawn } from './draw.ts';
import { readFromImage } from './from-image.ts';
import { type GenerateFlags, parseGenerateFlags } from './generate-input.ts';
import { interruptSignal } from './interrupt.ts';
import { checkOutput, freeName, outputNames, writeWhole } from './output-files.ts';
import { createProgressBar } from './progress-bar.ts';
import { readPictureFiles } from './sent-pictures.ts';
import { renderForTerminal } from './terminal-picture.ts';

export function addGenerateCommand(program: Command, config: CliConfig): void {
  program
    .command('generate')
    .description('make a picture from a prompt')
    .argument('[prompt...]', 'what the picture shows')
    .option('-o, --output <file>', 'file to write: .png, .jpg or .webp (default: safelight-<seed>.png)')
    .option('--from-image <file>', 'draw again what a picture says of itself, but for what other options say')
    .option('-n, --negative <prompt>', 'what it should not show')
    .option('--prompt-syntax <name>', 'a1111 (weights, editing, AND, BREAK) or plain (default: a1111)')
    .option('--clip-skip <number>', 'layer of the text encoder to listen to, counted from the end')
    .option('-m, --model <name>', 'one of "safelight models"')
    .option('--lora <name:weight>', 'LoRA to add to the model, such as style:0.8; again for further ones', collect)
    .option('--embeddings <folder>', 'textual inversion embeddings (default: SAFELIGHT_EMBEDDINGS)')
    .option('--size <pixels>', 'such as 128, or 128x96 for width by height')
    .option('--steps <number>', 'denoising steps')
    .option('--guidance <scale>', 'how closely to follow the prompt; 1 switches guidance off')
    .option('--guidance-start <part>', 'after what part of the steps guidance starts, 0 to 1; steps without cost half')
    .option('--guidance-end <part>', 'after what part of the steps it ends, 0 to 1')
    .option(
      '--deep-cache <number>',
      'compute all of the UNet every so many predictions, 1 to 10; 2 takes about half the time',
    )
    .option('--sampler <name>', `${samplerSchema.options.join(', ')}; or as other tools call them`)
    .option('--schedule <name>', `${scheduleSchema.options.join(', ')} (default: the sampler's)`)
    .option('--eta <number>', 'fresh noise per step, 0 to 1, for ddim, ancestral and sde samplers')
    .option('--s-churn <number>', 'noise added over the run, for euler, heun and dpm2; see --s-tmin, --s-tmax')
    .option('--s-tmin <sigma>', 'lowest noise level at which to add it')
    .option('--s-tmax <sigma>', 'highest noise level at which to add it')
    .option('--s-noise <number>', 'what fresh noise is multiplied by')
    .option('--seed <number>', '0 to 4294967295; the same seed gives the same picture')
    .option('--subseed <number>', 'where variations of the seed lead to; picture i uses subseed + i')
    .option('--subseed-strength <number>', 'how far, 0 to 1: makes variations of one picture')
    .option('--init-image <file>', 'picture to start from')
    .option('--strength <number>', 'how much of it is drawn anew, 0 to 1 (default: 0.75)')
    .option('--resize-mode <name>', `${resizeModeSchema.options.join(', ')}: how it gets the size (default: stretch)`)
    .option('--mask <file>', 'white where to draw, black where to keep the initial picture')
    .option('--invert-mask', 'draw the black instead')
    .option('--mask-blur <pixels>', 'softens the mask (default: 4)')
    .option('--mask-fill <name>', `${maskFillSchema.options.join(', ')}: what lies under it before drawing`)
    .option('--inpaint-area <name>', 'whole, or masked: only what surrounds the mask, enlarged')
    .option('--mask-padding <pixels>', 'how much surrounds it (default: 32)')
    .option('--outpaint <pixels>', 'margins to draw around the initial picture: all, or left,top,right,bottom')
    .option('--hires <scale>', 'enlarge in a second run; see --hires-steps, --hires-strength')
    .option('--hires-steps <number>', 'steps of the second run (default: as many)')
    .option('--hires-strength <number>', 'how much of it is drawn anew (default: 0.7)')
    .option('--hires-upscaler <name>', 'latent or lanczos (default: latent)')
    .option('--decoder <name>', 'full, or preview: far faster and less exact, where the model has it (default: full)')
    .option(
      '--safety <policy>',
      `${safetyPolicySchema.options.join(', ')}: what becomes of a picture that the model's safety checker flags`,
    )
    .option('--watermark', 'write StableDiffusionV1 into the colours, unseen (default: unless --init-image is given)')
    .option('--no-watermark', 'leave it out')
    .option('--rng <name>', "cuda or cpu: which of PyTorch's generators the seed drives")
    .option('--count <number>', 'how many pictures; picture i uses seed + i')
    .option('--x <setting=values>', 'draw a picture for each value, such as steps=5,10,20, and a sheet of them all')
    .option('--y <setting=values>', 'rows for the values of a second setting; prompt=fox,cat replaces words')
    .option('--format <name>', 'png, jpeg or webp')
    .option('--loras <folder>', 'where LoRA files lie (default: SAFELIGHT_LORAS or a folder of the data folder)')
    .option('--device <name>', 'what to draw with: cpu or cuda (default: SAFELIGHT_DEVICE or cpu)')
    .option(
      '--threads <number>',
      'processors to draw with (default: SAFELIGHT_THREADS or all that the process may use)',
    )
    .option('--endpoint <url>', 'draw on a Safelight server rather than on this machine')
    .option('--json', 'print the result as JSON')
    .option('--no-preview', 'do not show the picture in the terminal')
    .action((words: string[], flags: GenerateFlags) => generateCommand(words.join(' '), flags, config));
}

const collect = (value: string, earlier: string[] = []) => [...earlier, value];

async function generateCommand(prompt: string, flags: GenerateFlags, config: CliConfig): Promise<void> {
  const pictures = await readPictureFiles(flags);
  const base = flags.fromImage === undefined ? {} : await readFromImage(flags.fromImage, flags);
  const input = parseGenerateFlags(prompt, flags, pictures, base);
  if (flags.output !== undefined) await checkOutput(flags.output);
  const endpoint = flags.endpoint ?? config.endpoint;
  const device = flags.device === undefined ? config.device : parseDevice(flags.device, 'device');
  const threads = parseThreads(flags.threads, 'threads') ?? config.threads;
  const embeddingsDir = flags.embeddings ?? config.embeddingsDir;

  const signal = interruptSignal();
  const lorasDir = flags.loras ?? config.lorasDir;
  const drawer = createDrawer(endpoint, { ...config, lorasDir, embeddingsDir, device, threads });
  const bar = createProgressBar();
  const start = performance.now();
  let drawn: Drawn;
  try {
    drawn = await drawer.draw(input, { signal, onPhase: bar.update, pictures });
  } finally {
    bar.stop();
    await drawer.close();
  }
  const seconds = (performance.now() - start) / 1000;

  const files = await writeImages(drawn, flags.output);
  if (flags.json) printJson(drawn, files, seconds);
  else await printForPeople(drawn, files, seconds, flags.preview !== false);
}

async function writeImages({ settings, images }: Drawn, output: string | undefined): Promise<string[]> {
  const extension = settings.format === 'jpeg' ? 'jpg' : settings.format;
  const files: string[] = [];
  for (const [index, image] of images.entries()) {
    const isSheet = settings.grid !== undefined && index === images.length - 1;
    const named = output === undefined || isSheet ? output : outputNames(output, images.length)[index];
    const file = named ?? (await freeName(`safelight-${isSheet ? 'grid-' : ''}${image.seed}`, extension));
    await writeWhole(file, image.data);
    files.push(file);
  }
  return files;
}

function printJson({ settings, warnings, images }: Drawn, files: string[], seconds: number): void {
  const result = images.map(({ seed, width, height, safety, data }, index) => {
    return {
      file: files[index],
      seed,
      width,
      height,
      bytes: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
      ...(safety === undefined ? {} : { safety }),
    };
  });
  process.stdout.write(`${JSON.stringify({ images: result, settings, warnings, seconds })}\n`);
}

async function printForPeople(
  { settings, images, warnings }: Drawn,
  files: string[],
  seconds: number,
  preview: boolean,
): Promise<void> {
  for (const [index, { data, width, height, seed }] of images.entries()) {
    const isShown = settings.grid === undefined || index === images.length - 1;
    const picture = preview && isShown ? await renderForTerminal(data, process.stdout) : undefined;
    process.stdout.write(picture ?? '');
    process.stdout.write(`${files[index]}  ${width}×${height}, seed ${seed}\n`);
  }
  for (const [index, { safety }] of images.entries()) {
    if (safety?.isFlagged) process.stdout.write(`${files[index]}  ${flagged[safety.policy]}\n`);
  }
  process.stderr.write(`Done in ${seconds.toFixed(1)} s.\n`);
  for (const warning of warnings) process.stderr.write(`Note: ${warning.message}${hint(warning.code)}\n`);
}

const flagged = {
  flag: 'flagged by the safety checker',
  blur: 'blurred: the safety checker flagged it',
  block: 'black: the safety checker flagged it',
} as const;

function hint(code: Drawn['warnings'][number]['code']): string {
  return code === 'unknown_words' ? ' "safelight models" lists what it draws.' : '';
}
