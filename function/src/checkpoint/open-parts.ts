import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FunctionError } from '../errors.ts';
import {
  type DiffusersSettings,
  MODEL_INDEX,
  openDiffusersFolder,
  openWeightsIn,
  readDiffusersSettings,
} from './diffusers-folder.ts';
import type { CheckpointPart } from './layout/component.ts';
import { openFile } from './open-file.ts';
import { openSharded } from './sharded.ts';
import type { CheckpointFile } from './tensor-source.ts';

export interface CheckpointOptions {
  /**
   * Whether to take the UNet's weights averaged over the training (EMA).
   * @defaultValue What the original scripts run: `model.diffusion_model`, or diffusers' main file
   */
  ema?: boolean | undefined;
  /** A VAE to take instead of the model's own: a file of either layout, or a diffusers `vae` folder. */
  vae?: string | undefined;
  /**
   * A safety checker to take: a file, or diffusers' `safety_checker` folder; false to do without.
   * @defaultValue That of the diffusers folder, if it has one
   */
  safetyChecker?: string | false | undefined;
}

/** The open files of a checkpoint. */
export interface OpenParts {
  readonly parts: readonly CheckpointPart[];
  readonly layout: 'compvis' | 'diffusers';
  readonly settings: DiffusersSettings;
}

const INDEX_ENDING = '.safetensors.index.json';

/** Opens a checkpoint in any form: a file, a diffusers folder, a folder of shards or the index of one. */
export async function openParts(path: string, options: CheckpointOptions): Promise<OpenParts> {
  const found = await openModel(path, options);
  const parts = [...found.parts];
  try {
    if (options.vae !== undefined) parts.push({ holds: 'vae', file: await openNetwork(options.vae) });
    if (options.safetyChecker) {
      parts.push({ holds: 'safety_checker', file: await openNetwork(options.safetyChecker) });
    }
    return { ...found, parts };
  } catch (error) {
    await closeParts(parts);
    throw error;
  }
}

export async function closeParts(parts: readonly CheckpointPart[]): Promise<void> {
  await Promise.all(parts.map(({ file }) => file.close()));
}

async function openModel(path: string, { ema, safetyChecker }: CheckpointOptions): Promise<OpenParts> {
  if (!(await isFolder(path))) return wholeModel(path.endsWith('.index.json') ? openSharded(path) : openFile(path));
  const names = await readdir(path);
  if (names.includes(MODEL_INDEX) || names.includes('unet')) {
    const settings = await readDiffusersSettings(path);
    const isChecked = safetyChecker === undefined;
    return { parts: await openDiffusersFolder(path, { ema, isChecked }), layout: 'diffusers', settings };
  }
  const index = names.find((name) => name.endsWith(INDEX_ENDING));
  if (index !== undefined) return wholeModel(openSharded(join(path, index)));
  throw new FunctionError(
    'invalid_input',
    `The folder ${basename(path)} has neither ${MODEL_INDEX} nor an index of shards: it is no model's.`,
  );
}

async function wholeModel(file: Promise<CheckpointFile>): Promise<OpenParts> {
  return { parts: [{ holds: 'model', file: await file }], layout: 'compvis', settings: {} };
}

/** The file or folder of one network. */
async function openNetwork(path: string): Promise<CheckpointFile> {
  return (await isFolder(path)) ? openWeightsIn(path) : openFile(path);
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
