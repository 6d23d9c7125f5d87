import { join } from 'node:path';
import type { Precision } from '../../function/src/bundle/manifest.ts';
import { ensureRandomBundle } from '../full-size/random-bundle.ts';
import { ensureCheckpoint, run } from './measure.ts';
import type { BenchOptions, Row, Sample } from './rows.ts';

export type NetworkTask = 'load' | 'unet' | 'vae' | 'image';

/** Runs within one process, the best of which counts: the first also warms up. */
const RUNS = 3;

const UNET_STEP = 'UNet step, guided, 512²';

/** All sessions ready, from files that are in the system's cache. */
export const benchLoad = (options: BenchOptions) => benchTask('load from disk', 'load', 1, options);
/** One step at 512² with guidance: the UNet on both halves. */
export const benchUnet = (options: BenchOptions) => benchTask(UNET_STEP, 'unet', RUNS, options);
/** The same with int8 weights, beside the peer in float32. */
export const benchInt8Unet = (options: BenchOptions) => benchTask(`${UNET_STEP}, int8`, 'unet', RUNS, options, 'int8');
export const benchVae = (options: BenchOptions) => benchTask('VAE decode, 512²', 'vae', RUNS, options);
/** From prompt to pixels; each round draws one. */
export const benchImage = (options: BenchOptions) =>
  benchTask(`image, 512², ${options.steps} DDIM steps`, 'image', 1, options);

async function benchTask(
  name: string,
  task: NetworkTask,
  runs: number,
  options: BenchOptions,
  precision: Precision = 'fp32',
): Promise<Row[]> {
  const { folder, rounds, steps, python } = options;
  const checkpoint = await ensureCheckpoint(folder);
  const bundle = join(folder, precision === 'fp32' ? 'bundle' : `bundle-${precision}`);
  await ensureRandomBundle(bundle, 'cpu', precision);
  const own = join(import.meta.dirname, 'network-process.ts');
  const node = ['--conditions=@safelight/source', '--import', 'tsx', own, bundle];
  const peerScript = join(import.meta.dirname, 'diffusers_peer.py');
  const args = [task, `${runs}`, `${steps}`];

  const safelight: Sample[] = [];
  const peer: Sample[] = [];
  for (let round = 0; round < rounds; round += 1) {
    safelight.push(await sample(process.execPath, [...node, ...args]));
    if (python !== undefined) peer.push(await sample(python, [peerScript, checkpoint, ...args]));
  }
  return [{ name, safelight, ...(python === undefined ? {} : { peerName: 'diffusers', peer }) }];
}

/** What both programs print on their last line. */
interface Printed {
  seconds: number[];
  /** Of all threads, for each run. */
  cpuSeconds: number[];
  peakMegabytes: number;
  /** Not printed where the system does not tell it. */
  ownMegabytes?: number;
}

async function sample(command: string, args: readonly string[]): Promise<Sample> {
  const { stdout } = await run(command, args);
  const printed = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Printed;
  return { ...printed, seconds: Math.min(...printed.seconds), cpuSeconds: Math.min(...printed.cpuSeconds) };
}
