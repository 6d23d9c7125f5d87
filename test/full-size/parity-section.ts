import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { graphFile } from '../../function/src/bundle/manifest.ts';
import { createSessionHost, type SessionHost } from '../../function/src/runtime/session-host.ts';
import type { Feeds } from '../../function/src/runtime/session-protocol.ts';
import type { Tensor } from '../../function/src/runtime/tensor.ts';
import { loweredGraphFile } from './random-bundle.ts';
import { unitValues } from './random-values.ts';

/** The parts of the test, each run in a process of its own, so that one's memory is not another's. */
export const sections = ['text_encoder', 'unet', 'vae_decoder', 'vae_encoder', 'trajectory', 'batches'] as const;
export type Section = (typeof sections)[number];

/** One line of the table. */
export interface ParityRow {
  readonly name: string;
  readonly dims: readonly number[];
  readonly maxAbsoluteError?: number;
  readonly maxRelativeError: number;
  /** The error from which on the test fails. */
  readonly limit: number;
  /** Standard deviation of the output: what the error is to be seen against. */
  readonly std?: number;
  /** Of the run alone. */
  readonly seconds: number;
}

/** What a section's process sends. */
export type SectionMessage =
  | { kind: 'loaded'; seconds: number }
  | { kind: 'row'; row: ParityRow }
  | { kind: 'done'; peakRssBytes: number };

export type Report = (message: SectionMessage) => void;

type Network = 'text_encoder' | 'unet' | 'vae_decoder' | 'vae_encoder';

/** Loads one network of the bundle and says how long that took. */
export async function loadNetwork(folder: string, network: Network, report: Report): Promise<SessionHost> {
  const host = createSessionHost();
  const lowered = join(folder, loweredGraphFile(network));
  const graph = existsSync(lowered) ? lowered : join(folder, graphFile(network));
  const { seconds } = await timed(() => host.load(network, graph));
  report({ kind: 'loaded', seconds });
  return host;
}

/** Runs a network for the first of its outputs. */
export async function runNetwork(host: SessionHost, network: Network, feeds: Feeds) {
  const { value, seconds } = await timed(() => host.run(network, feeds));
  const [output] = Object.values(value);
  if (output === undefined) throw new Error(`${network} has no output`);
  return { output, seconds };
}

export async function timed<T>(run: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const start = performance.now();
  const value = await run();
  return { value, seconds: (performance.now() - start) / 1000 };
}

/** A tensor of mean 0 and variance 1 that the goldens' script makes the same. */
export function unitTensor(name: string, dims: readonly number[]): Tensor {
  return { data: unitValues(name, elementCount(dims)), dims };
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
