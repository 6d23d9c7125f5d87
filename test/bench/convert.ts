/**
 * How fast a full-size checkpoint is converted, beside `cp` of the same file to the same disk (and on it, as by `sync`):
 *
 *   npm run bench:convert [-- checkpoint]
 *
 * Without an argument the checkpoint is one of random weights, 4.27 GB, made first. Needs 13 GB of disk.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandomCheckpoint, writeSafetensors } from '../full-size/random-checkpoint.ts';
import { machine, measureCommand, measureProgram, median } from './measure.ts';

const ROUNDS = 3;
const main = join(import.meta.dirname, '../../function/src/cli/main.ts');
const folder = await mkdtemp(join(tmpdir(), 'safelight-bench-'));
try {
  const checkpoint = process.argv[2] ?? join(folder, 'random.safetensors');
  if (process.argv[2] === undefined) await writeSafetensors(createRandomCheckpoint(), checkpoint);
  const megabytes = (await stat(checkpoint)).size / 1e6;

  const copies: number[] = [];
  const conversions: number[] = [];
  const peaks: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const copy = join(folder, 'copy');
    copies.push((await measureCommand('cp', [checkpoint, copy])) + (await measureCommand('sync', [copy])));
    await rm(copy);
    const bundle = join(folder, 'bundle');
    const args = ['weights', 'convert', checkpoint, '--name', 'bench', '--output', bundle, '--accept-license'];
    const { seconds, peakMegabytes } = await measureProgram([main, ...args]);
    conversions.push(seconds);
    peaks.push(peakMegabytes);
    await rm(bundle, { recursive: true });
  }

  const rate = (seconds: readonly number[]) => `${(megabytes / median(seconds)).toFixed(0)} MB/s`;
  console.log(machine());
  console.log(`cp and sync  ${rate(copies)}`);
  console.log(`convert      ${rate(conversions)}, peak ${Math.max(...peaks).toFixed(0)} MB`);
  const ratios = copies.map((seconds, i) => seconds / (conversions[i] as number));
  console.log(
    `ratio        ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
