import type { Command } from 'commander';
import { canCarryWatermark, countMatchingBits, WATERMARK } from '../pipeline/image/watermark.ts';
import { readFileOrRefuse } from './sent-pictures.ts';

export function addWatermarkCommand(program: Command): void {
  program
    .command('watermark')
    .description('say whether a picture has the invisible watermark of Stable Diffusion v1')
    .argument('<file>', 'PNG, JPEG or WebP')
    .option('--json', 'print it as JSON')
    .action(async (file: string, flags: { json?: boolean }) => {
      const found = await findWatermark(await readFileOrRefuse(file));
      process.stdout.write(`${flags.json ? JSON.stringify(found) : describeWatermark(found)}\n`);
    });
}

/** Of 136 bits; were they tossed, so many would agree in one picture of a hundred million. */
const ENOUGH_BITS = 3 / 4;

export interface Found {
  watermark: string | null;
  /** Absent for pictures that are too small for a watermark. */
  matchingBits?: number;
}

/** In words. */
export function describeWatermark({ watermark, matchingBits }: Found): string {
  if (matchingBits === undefined) return 'No watermark: the picture is too small for one.';
  const bits = `${matchingBits} of ${WATERMARK.length * 8} bits`;
  return watermark === null ? `No watermark found (${bits} agree: half do by chance).` : `${watermark} (${bits})`;
}

/** @throws FunctionError `invalid_input` for what is no picture. */
export async function findWatermark(file: Uint8Array): Promise<Found> {
  // Imported here so that other commands start without sharp.
  const { openPicture, unpack } = await import('../pipeline/start/read-picture.ts');
  const pixels = await unpack((await openPicture(file, 'file')).color(), 'file');
  if (!canCarryWatermark(pixels)) return { watermark: null };
  const { matching, total } = countMatchingBits(pixels);
  return { watermark: matching >= ENOUGH_BITS * total ? WATERMARK : null, matchingBits: matching };
}
