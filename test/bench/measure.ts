import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';

export interface Measurement {
  seconds: number;
  /** Largest resident set of the process, in megabytes; it counts mapped files too. */
  peakMegabytes: number;
}

const REPORT = `process.on('exit', () => process.stderr.write('PEAK ' + process.resourceUsage().maxRSS + '\\n'));`;

/** Runs a program of this repository in a process of its own and measures it whole. */
export async function measureProgram(args: readonly string[]): Promise<Measurement> {
  const report = `data:text/javascript,${encodeURIComponent(REPORT)}`;
  const node = ['--conditions=@safelight/source', '--import', 'tsx', '--import', report];
  const start = performance.now();
  const child = spawn(process.execPath, [...node, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - start) / 1000;
  const peak = /PEAK (\d+)/.exec(stderr)?.[1];
  if (code !== 0 || peak === undefined) throw new Error(`${args.join(' ')} failed: ${stderr}`);
  return { seconds, peakMegabytes: Number(peak) / 1000 };
}

/** Runs a system command and returns its seconds. */
export async function measureCommand(command: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  const [code] = await once(spawn(command, args, { stdio: 'inherit' }), 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return (performance.now() - start) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

/** What a table of results is headed with. */
export function machine(): string {
  return `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} threads, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}
