import { join } from 'node:path';
import { estimateInputSchema, modelNameSchema, samplerSchema } from '@safelight/sdk/contract';
import type { Command } from 'commander';
import { resolvePrecision } from '../../bundle/compile.ts';
import { type ConvertOptions, convertCheckpoint, type LoraToAdd } from '../../bundle/convert-checkpoint.ts';
import { FunctionError } from '../../errors.ts';
import { parseLora } from '../../pipeline/prompt/networks.ts';
import { type CliConfig, parseDevice } from '../config.ts';
import { parseInput, parseNumber } from '../generate-input.ts';
import { interruptSignal } from '../interrupt.ts';
import { acceptLicense } from './accept-license.ts';
import { nameFromPath } from './name-from-path.ts';
import { createTransferBar } from './transfer-bar.ts';

interface ConvertFlags {
  name?: string;
  description?: string;
  output?: string;
  ema?: boolean;
  vae?: string;
  previewDecoder?: string;
  safetyChecker?: string | false;
  target?: string;
  precision?: string;
  lora?: string[];
  sampler?: string;
  steps?: string;
  guidance?: string;
  acceptLicense?: boolean;
  json?: boolean;
}

export function addConvertCommand(weights: Command, config: CliConfig): void {
  weights
    .command('convert')
    .description('make a model of a Stable Diffusion v1 checkpoint')
    .argument('<checkpoint>', '.ckpt, .safetensors, or a diffusers folder')
    .option('--name <name>', 'how to ask for the model (default: from the file name)')
    .option('--description <text>', 'what "safelight models" says about it')
    .option('-o, --output <folder>', "the bundle's folder (default: SAFELIGHT_MODELS_DIR/<name>, or <name>-cuda)")
    .option('--ema', 'take the averaged weights')
    .option('--vae <file>', "take this VAE instead of the checkpoint's own")
    .option('--lora <file:weight>', 'add this LoRA for good, such as style.safetensors:0.8; again for more', collect)
    .option('--sampler <name>', 'what pictures are drawn with unless they say otherwise (default: plms)')
    .option('--steps <number>', 'and in how many steps (default: 50)')
    .option('--guidance <scale>', 'and how closely to the prompt (default: 7.5)')
    .option('--preview-decoder <file>', 'add a decoder of TAESD, for pictures with --decoder preview')
    .option('--safety-checker <file>', 'check pictures with it: a file, or a diffusers safety_checker folder')
    .option('--no-safety-checker', "leave out a diffusers folder's own")
    .option('--target <device>', 'what the model will run on: cpu (float32) or cuda (float16)', 'cpu')
    .option('--precision <type>', 'what the UNet computes in: fp32, or int8, which is faster and rougher; cuda: fp16')
    .option('--accept-license', 'accept the CreativeML OpenRAIL-M licence without being asked')
    .option('--json', 'print the result as JSON')
    .action((checkpoint: string, flags: ConvertFlags) => convertCommand(checkpoint, flags, config));
}

async function convertCommand(checkpoint: string, flags: ConvertFlags, config: CliConfig): Promise<void> {
  const name = parseName(flags.name ?? nameFromPath(checkpoint));
  const target = parseDevice(flags.target ?? 'cpu', 'target');
  const precision = resolvePrecision(target, flags.precision);
  const folder = flags.output ?? join(config.modelsDir, target === 'cuda' ? `${name}-cuda` : name);
  const defaults = parseDefaults(flags);
  await acceptLicense(flags.acceptLicense === true);

  const signal = interruptSignal();
  const bar = createTransferBar('converting');
  try {
    const manifest = await convertCheckpoint({
      checkpoint,
      name,
      folder,
      target,
      precision,
      defaults,
      ...(flags.lora === undefined ? {} : { loras: flags.lora.map(parseLoraFile) }),
      ...(flags.description === undefined ? {} : { description: flags.description }),
      ...(flags.ema === undefined ? {} : { ema: flags.ema }),
      ...(flags.vae === undefined ? {} : { vae: flags.vae }),
      ...(flags.previewDecoder === undefined ? {} : { previewDecoder: flags.previewDecoder }),
      ...(flags.safetyChecker === undefined ? {} : { safetyChecker: flags.safetyChecker }),
      onProgress: bar.update,
      signal,
    });
    bar.stop();
    const result = { name, folder, target, precision, sourceSha256: manifest.source.sha256 };
    process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `${folder}\nAsk for it with --model ${name}\n`);
  } finally {
    bar.stop();
  }
}

const collect = (value: string, earlier: string[] = []) => [...earlier, value];

/** `file`, `file:weight` or `file:textEncoder:unet`, the file with or without colons of its own. */
function parseLoraFile(text: string): LoraToAdd {
  const [, path = text, weights = ''] = text.match(/^(.+?)((?::[-+.\d]+){1,2})$/) ?? [];
  const lora = parseLora(`file${weights}`);
  if (lora === undefined)
    throw new FunctionError('invalid_input', 'lora must be a file and a weight from -10 to 10', { field: 'lora' });
  return { path, unetWeight: lora.unetWeight, textEncoderWeight: lora.textEncoderWeight };
}

/** Those of a picture, as pictures are asked for. */
function parseDefaults({ sampler, steps, guidance }: ConvertFlags): NonNullable<ConvertOptions['defaults']> {
  const typed = { sampler, steps: parseNumber(steps), guidanceScale: parseNumber(guidance) };
  const { sampler: named, steps: count, guidanceScale } = parseInput(estimateInputSchema, typed);
  const known = samplerSchema.safeParse(named).data;
  if (named !== undefined && known === undefined) {
    const message = `sampler must be one of ${samplerSchema.options.join(', ')}`;
    throw new FunctionError('invalid_input', message, { field: 'sampler' });
  }
  return {
    ...(known === undefined ? {} : { sampler: known }),
    ...(count === undefined ? {} : { steps: count }),
    ...(guidanceScale === undefined ? {} : { guidanceScale }),
  };
}

function parseName(name: string): string {
  const parsed = modelNameSchema.safeParse(name);
  if (!parsed.success) {
    throw new FunctionError('invalid_input', 'name must be of lower-case letters, digits, ".", "_" and "-"', {
      field: 'name',
    });
  }
  // The model that comes with Safelight: another of that name could not be asked for.
  if (name === 'mini')
    throw new FunctionError('invalid_input', 'The name mini is taken: choose another with --name', { field: 'name' });
  return name;
}
