import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureCheckpoint, measureNode, measureShell, safelight, settle } from './measure.ts';
import type { BenchOptions, Row, Sample } from './rows.ts';

/** Converting a full-size checkpoint, beside `cp` of the same file to the same disk, and on it, as by `sync`. */
export async function benchConvert({ folder, rounds }: BenchOptions): Promise<Row[]> {
  const checkpoint = await ensureCheckpoint(folder);
  const copy = join(folder, 'copy');
  const bundle = join(folder, 'converted');
  const convert = [safelight, 'weights', 'convert', checkpoint, '--name', 'bench', '--output', bundle];
  const samples: Sample[] = [];
  const peer: Sample[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await settle();
    peer.push(await measureShell(`cp '${checkpoint}' '${copy}' && sync '${copy}'`));
    await rm(copy);
    await settle();
    samples.push(await measureNode([...convert, '--accept-license']));
    await rm(bundle, { recursive: true });
  }
  const megabytes = (await stat(checkpoint)).size / 1e6;
  return [{ name: 'convert', safelight: samples, peerName: 'cp, sync', peer, megabytes }];
}
