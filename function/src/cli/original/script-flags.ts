import { basename } from 'node:path';
import { MAX_SEED, promptTextSchema } from '@safelight/sdk/contract';
import type { Command } from 'commander';
import { FunctionError } from '../../errors.ts';
import { parseNumber } from '../generate-input.ts';
import { readPromptFile } from './read-prompt-file.ts';

/** The flags that both scripts have, by the original's names, as they were typed. */
export interface ScriptFlags {
  prompt: string;
  outdir: string;
  skip_grid?: boolean;
  skip_save?: boolean;
  ddim_steps: string;
  plms?: boolean;
  fixed_code?: boolean;
  ddim_eta: string;
  n_iter: string;
  n_samples: string;
  n_rows: string;
  C: string;
  f: string;
  scale: string;
  fromFile?: string;
  config: string;
  ckpt?: string;
  seed: string;
  precision: string;
  acceptLicense?: boolean;
  device?: string;
}

/** What both scripts do with them. */
export interface ScriptSettings {
  batches: string[][];
  iterations: number;
  samples: number;
  /** Pictures in a row of the grid. */
  rows: number;
  steps: number;
  eta: number;
  guidanceScale: number;
  seed: number;
}

interface Defaults {
  outdir: string;
  n_iter: string;
  n_samples: string;
  scale: string;
}

/** Where the guide of the model card has the checkpoint. */
export const DEFAULT_CKPT = 'models/ldm/stable-diffusion-v1/model.ckpt';
const V1_CONFIG = 'v1-inference.yaml';

/** Adds the flags that both scripts have, with the original's names, texts and defaults, and two of our own. */
export function addScriptOptions(command: Command, defaults: Defaults): Command {
  return command
    .option('--prompt <text>', 'the prompt to render', 'a painting of a virus monster playing guitar')
    .option('--outdir <folder>', 'dir to write results to', defaults.outdir)
    .option('--skip_grid', 'do not save a grid, only individual samples')
    .option('--skip_save', 'do not save individual samples')
    .option('--ddim_steps <number>', 'number of ddim sampling steps', '50')
    .option('--plms', 'use plms sampling')
    .option('--fixed_code', 'use the same starting code across samples')
    .option('--ddim_eta <number>', 'ddim eta (eta=0.0 corresponds to deterministic sampling)', '0.0')
    .option('--n_iter <number>', 'sample this often', defaults.n_iter)
    .option('--C <number>', 'latent channels: 4', '4')
    .option('--f <number>', 'downsampling factor: 8', '8')
    .option(
      '--n_samples <number>',
      'how many samples to produce for each given prompt: the batch size',
      defaults.n_samples,
    )
    .option('--n_rows <number>', 'rows in the grid (default: n_samples)', '0')
    .option('--scale <number>', 'unconditional guidance scale', defaults.scale)
    .option('--from-file <file>', 'load prompts from this file, one a line')
    .option('--config <file>', 'path to config which constructs model', `configs/stable-diffusion/${V1_CONFIG}`)
    .option('--ckpt <file>', `checkpoint, or one of "safelight models" (default: ${DEFAULT_CKPT} if it is there)`)
    .option('--seed <number>', 'the seed (for reproducible sampling)', '42')
    .option('--precision <name>', 'full or autocast: accepted; the device decides', 'autocast')
    .option('--accept-license', 'accept the CreativeML OpenRAIL-M licence of a checkpoint without being asked')
    .option('--device <name>', 'what to draw with: cpu or cuda (default: SAFELIGHT_DEVICE or cpu)');
}

/** @throws FunctionError `invalid_input` naming the flag. */
export async function parseScriptFlags(flags: ScriptFlags): Promise<ScriptSettings> {
  if (flags.C !== '4') throw refused('C', 'must be 4: Stable Diffusion v1 has four latent channels');
  if (flags.f !== '8')
    throw refused('f', 'must be 8: the autoencoder of Stable Diffusion v1 works at an eighth of the size');
  if (basename(flags.config) !== V1_CONFIG) {
    throw refused('config', `must be ${V1_CONFIG}: other architectures than Stable Diffusion v1's are not drawn here`);
  }
  if (flags.precision !== 'full' && flags.precision !== 'autocast')
    throw refused('precision', 'must be full or autocast');
  const samples = whole('n_samples', flags.n_samples, 1, 1000);
  const rows = whole('n_rows', flags.n_rows, -1000, 1000);
  return {
    batches: await readBatches(flags, samples),
    iterations: whole('n_iter', flags.n_iter, 1, 100_000),
    samples,
    rows: rows > 0 ? rows : samples,
    steps: whole('ddim_steps', flags.ddim_steps, 1, 1000),
    eta: decimal('ddim_eta', flags.ddim_eta, 0, 1),
    guidanceScale: decimal('scale', flags.scale, -1000, 1000),
    seed: whole('seed', flags.seed, 0, MAX_SEED),
  };
}

/** The original repeats one prompt for a batch, and cuts the lines of a file into batches. */
async function readBatches({ fromFile, prompt }: ScriptFlags, samples: number): Promise<string[][]> {
  if (fromFile === undefined) return [repeatPrompt(prompt, samples)];
  const lines = await readPromptFile(fromFile);
  return Array.from({ length: Math.ceil(lines.length / samples) }, (_, i) =>
    lines.slice(i * samples, (i + 1) * samples),
  );
}

function repeatPrompt(prompt: string, samples: number): string[] {
  if (!promptTextSchema.safeParse(prompt).success) throw refused('prompt', 'is too long, or no text');
  return Array<string>(samples).fill(prompt);
}

/** A whole number. @throws FunctionError `invalid_input` naming the flag. */
export function whole(flag: string, text: string, least: number, most: number): number {
  const value = decimal(flag, text, least, most);
  if (Number.isInteger(value)) return value;
  throw refused(flag, 'must be a whole number');
}

/** A number. @throws FunctionError `invalid_input` naming the flag. */
export function decimal(flag: string, text: string, least: number, most: number): number {
  const value = parseNumber(text) ?? Number.NaN;
  if (value >= least && value <= most) return value;
  throw refused(flag, `must be a number from ${least} to ${most}`);
}

/** An error that names a flag. */
export function refused(flag: string, what: string, cause?: unknown): FunctionError {
  return new FunctionError('invalid_input', `--${flag} ${what}`, { field: flag, cause });
}
