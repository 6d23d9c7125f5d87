import { join } from 'node:path';
import { resolvePrecision } from '../../function/src/bundle/compile.ts';
import type { Precision } from '../../function/src/bundle/manifest.ts';
import { ensureRandomBundle } from '../full-size/random-bundle.ts';
import { ensureCheckpoint, run } from './measure.ts';
import type { BenchOptions, Row, Sample } from './rows.ts';

export type NetworkTask = 'load' | 'unet' | 'vae' | 'image';

/** Runs within one process, the best of which counts: the first also warms up. */
const RUNS = { cpu: 3, cuda: 10 } as const;

/** All sessions ready, from files that are in the system's cache. */
export const benchLoad = (options: BenchOptions) => benchTask('load from disk', 'load', { ...options, batch: 1 });
/** One step with guidance: the UNet on both halves. */
export const benchUnet = (options: BenchOptions) => benchTask(`UNet step, guided, ${options.size}²`, 'unet', options);
/** The same with int8 weights, beside the peer in float32. */
export const benchInt8Unet = (options: BenchOptions) =>
  benchTask(`UNet step, guided, ${options.size}², int8`, 'unet', options, 'int8');
export const benchVae = (options: BenchOptions) => benchTask(`VAE decode, ${options.size}²`, 'vae', options);
/** From prompt to pixels. */
export const benchImage = (options: BenchOptions) =>
  benchTask(`image, ${options.size}², ${options.steps} DDIM steps`, 'image', { ...options, batch: 1 });

async function benchTask(
  name: string,
  task: NetworkTask,
  { folder, rounds, steps, python, target, batch, size, compile }: BenchOptions,
  wanted?: Precision,
): Promise<Row[]> {
  const precision = resolvePrecision(target, wanted);
  const checkpoint = await ensureCheckpoint(folder);
  const bundle = join(folder, `bundle-${precision}`);
  await ensureRandomBundle(bundle, target, precision);
  const own = join(import.meta.dirname, 'network-process.ts');
  const node = ['--conditions=@safelight/source', '--import', 'tsx', own, bundle];
  const peerScript = join(import.meta.dirname, 'diffusers_peer.py');
  // A picture on a processor takes minutes; on a GPU the first one warms up.
  const runs = task === 'load' || (task === 'image' && target === 'cpu') ? 1 : RUNS[target];
  const args = [task, runs, steps, target, batch, size].map(String);

  const safelight: Sample[] = [];
  const peer: Sample[] = [];
  for (let round = 0; round < rounds; round += 1) {
    safelight.push(await sample(process.execPath, [...node, ...args]));
    if (python !== undefined)
      peer.push(await sample(python, [peerScript, checkpoint, ...args, ...(compile ? ['compile'] : [])]));
  }
  const described = [name, ...(batch > 1 ? [`batch ${batch}`] : []), ...(target === 'cuda' ? ['CUDA'] : [])].join(', ');
  const peerName = compile ? 'diffusers, compiled' : 'diffusers';
  return [{ name: described, safelight, ...(python === undefined ? {} : { peerName, peer }) }];
}

/** What both programs print on their last line. */
interface Printed {
  seconds: number[];
  /** Of all threads, for each run. */
  cpuSeconds: number[];
  peakMegabytes: number;
  /** Not printed where the system does not tell it. */
  ownMegabytes?: number;
  gpuMegabytes?: number;
}

async function sample(command: string, args: readonly string[]): Promise<Sample> {
  const { stdout } = await run(command, args);
  const printed = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Printed;
  return { ...printed, seconds: Math.min(...printed.seconds), cpuSeconds: Math.min(...printed.cpuSeconds) };
}
