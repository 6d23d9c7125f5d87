import type { Target } from '../../function/src/graphs/layers/layers.ts';

export interface BenchOptions {
  /** Where checkpoint, bundle and what is measured lie. */
  folder: string;
  rounds: number;
  /** Of the whole image. */
  steps: number;
  /** A Python with PyTorch and diffusers, if there is one. */
  python: string | undefined;
  /** What the networks run on, the peer's too. */
  target: Target;
  /** Pictures at once, of UNet and VAE alone. */
  batch: number;
  /** Width and height of the picture. */
  size: number;
  /** Whether the peer's UNet is compiled by `torch.compile`. */
  compile: boolean;
}

export type Bench = (options: BenchOptions) => Promise<Row[]>;

/** What was measured of one program in one round. */
export interface Sample {
  seconds: number;
  /** Of the processor, user and system. */
  cpuSeconds?: number | undefined;
  peakMegabytes?: number | undefined;
  /** Resident when the work was done, files that are mapped left out: the system can take those back. */
  ownMegabytes?: number | undefined;
  /** Of the GPU's memory, all that was taken when the work was done. */
  gpuMegabytes?: number | undefined;
}

/** A line of the table: rounds of Safelight, each beside the same round of the peer. */
export interface Row {
  name: string;
  safelight: Sample[];
  peerName?: string;
  peer?: Sample[];
  /** Where the result is a speed: of what was moved, or of what was asked for. */
  megabytes?: number;
  requests?: number;
}

/** Speed is the peer's seconds divided by Safelight's of the same round: above 1, Safelight is faster. */
export function formatRows(rows: readonly Row[]): string {
  const lines = rows.map(({ name, safelight, peerName = '', peer, ...amount }) => {
    const ratios = safelight.flatMap(({ seconds }, round) => {
      const other = peer?.[round]?.seconds;
      return other === undefined ? [] : [other / seconds];
    });
    return [
      name,
      describe(safelight, amount),
      peer === undefined ? '' : `${peerName} ${describe(peer, amount)}`,
      ratios.length === 0 ? '' : median(ratios).toFixed(2),
      ratios.length === 0 ? '' : `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    ];
  });
  const table = [['row', 'Safelight', 'peer', 'speed', 'spread'], ...lines];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  return table.map((cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`).join('\n');
}

function describe(samples: readonly Sample[], { megabytes, requests }: Pick<Row, 'megabytes' | 'requests'>): string {
  const seconds = median(samples.map((sample) => sample.seconds));
  const cpu = samples.flatMap(({ cpuSeconds }) => cpuSeconds ?? []);
  const peaks = samples.flatMap(({ peakMegabytes }) => peakMegabytes ?? []);
  const gpu = samples.flatMap(({ gpuMegabytes }) => gpuMegabytes ?? []);
  const own = samples.flatMap(({ ownMegabytes }) => ownMegabytes ?? []);
  return [
    ...(megabytes === undefined ? [] : [`${(megabytes / seconds).toFixed(0)} MB/s`]),
    ...(requests === undefined ? [] : [`${(requests / seconds).toFixed(0)} a second`]),
    ...(megabytes === undefined && requests === undefined ? [`${seconds.toFixed(2)} s`] : []),
    ...(cpu.length === 0 ? [] : [`CPU ${describeCpu(median(cpu), requests)}`]),
    ...(peaks.length === 0 ? [] : [`peak ${Math.max(...peaks).toFixed(0)} MB`]),
    ...(own.length === 0 ? [] : [`own ${Math.max(...own).toFixed(0)} MB`]),
    ...(gpu.length === 0 ? [] : [`GPU ${Math.max(...gpu).toFixed(0)} MB`]),
  ].join(', ');
}

function describeCpu(seconds: number, requests: number | undefined): string {
  return requests === undefined ? `${seconds.toFixed(1)} s` : `${((seconds / requests) * 1000).toFixed(2)} ms each`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
