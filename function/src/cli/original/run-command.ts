import type { Phase, Warning } from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';
import type { DiffusionModel } from '../../pipeline/diffusion-model.ts';
import { encodeImage } from '../../pipeline/image/encode-image.ts';
import { addWatermark, canCarryWatermark } from '../../pipeline/image/watermark.ts';
import type { DigitalSource } from '../../pipeline/image/xmp.ts';
import { gridSize, makeGrid } from '../../pipeline/original/make-grid.ts';
import { runScript, type Sample, type ScriptRun } from '../../pipeline/original/run-script.ts';
import type { Pixels } from '../../pipeline/start/pixels.ts';
import { type CliConfig, parseDevice } from '../config.ts';
import { interruptSignal } from '../interrupt.ts';
import { createProgressBar } from '../progress-bar.ts';
import { openScriptModel } from './open-script-model.ts';
import { openSampleFolder } from './sample-folder.ts';
import { refused, type ScriptFlags, type ScriptSettings } from './script-flags.ts';

/** What differs between the scripts. */
export interface ScriptKind extends Pick<ScriptRun, 'width' | 'height' | 'sampler' | 'start' | 'checksSafety'> {
  fixedCode: boolean;
  isWatermarked: boolean;
  source: DigitalSource;
}

/** More than an image library unpacks again. */
const MAX_GRID_PIXELS = 250_000_000;

/** Draws, saves pictures as they come and at last their grid, and says where. */
export async function runScriptCommand(
  kind: ScriptKind,
  settings: ScriptSettings,
  flags: ScriptFlags,
  config: CliConfig,
): Promise<void> {
  const device = flags.device === undefined ? config.device : parseDevice(flags.device, 'device');
  if (!flags.skip_grid) checkGrid(kind, settings);
  const signal = interruptSignal('Interrupted: pictures that are finished stay, and there is no grid.');
  const bar = createProgressBar();
  const options = { ckpt: flags.ckpt, acceptLicense: flags.acceptLicense === true, device, signal };
  const warnings = new Set<string>();
  const flagged: string[] = [];
  try {
    const opened = await openScriptModel(config, { ...options, onPhase: bar.update });
    try {
      checkSize(opened.model, kind);
      const folder = await openSampleFolder(flags.outdir);
      const save = async ({ pixels, isFlagged }: Sample) => {
        const path = await folder.saveSample(await encode(pixels, kind));
        if (isFlagged) flagged.push(path);
      };
      const onWarning = ({ message }: Warning) => warnings.add(message);
      const run = { ...settings, ...kind, signal, onPhase: (phase: Phase) => bar.update(phase), onWarning };
      const all: Pixels[] = [];
      for await (const samples of runScript(opened.model, run)) {
        if (!flags.skip_save) for (const sample of samples) await save(sample);
        if (!flags.skip_grid) all.push(...samples.map(({ pixels }) => pixels));
      }
      if (!flags.skip_grid) await folder.saveGrid(await encode(makeGrid(all, settings.rows), kind));
    } finally {
      await opened.close();
    }
  } finally {
    bar.stop();
  }
  for (const path of flagged) process.stderr.write(`${path}  black: the safety checker flagged it\n`);
  for (const message of warnings) process.stderr.write(`Note: ${message}\n`);
  process.stdout.write(`Your samples are ready and waiting for you here:\n${flags.outdir}\n\nEnjoy.\n`);
}

/** As the original, which writes no settings into its files. */
function encode(pixels: Pixels, { isWatermarked, source }: ScriptKind): Promise<Uint8Array> {
  const marked = isWatermarked && canCarryWatermark(pixels) ? addWatermark(pixels) : pixels;
  return encodeImage(marked, 'png', { source });
}

function checkGrid(size: ScriptKind, { batches, iterations, rows }: ScriptSettings): void {
  const { width, height } = gridSize(iterations * batches.flat().length, size, rows);
  if (width * height > MAX_GRID_PIXELS) {
    throw new FunctionError('invalid_input', `The grid would have ${width} by ${height} pixels: add --skip_grid`, {
      field: 'skip_grid',
    });
  }
}

function checkSize({ info }: DiffusionModel, { width, height }: ScriptKind): void {
  const { minSize, maxSize } = info.limits;
  for (const [flag, side] of [
    ['W', width],
    ['H', height],
  ] as const) {
    if (side < minSize || side > maxSize)
      throw refused(flag, `must be from ${minSize} to ${maxSize} for model ${info.name}`);
  }
}
