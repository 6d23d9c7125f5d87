import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandomCheckpoint, RECIPE_VERSION, writeSafetensors } from '../full-size/random-checkpoint.ts';
import type { Sample } from './rows.ts';

/** The built command, as it is installed. */
export const safelight = join(import.meta.dirname, '../../function/dist/cli/main.js');

const REPORT = `process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  process.stderr.write('USED ' + maxRSS + ' ' + (userCPUTime + systemCPUTime) + '\\n');
});`;

/** Runs a program of Node's in a process of its own and measures it whole, its start included. */
export async function measureNode(args: readonly string[]): Promise<Sample> {
  const report = ['--import', `data:text/javascript,${encodeURIComponent(REPORT)}`];
  const { seconds, stderr } = await run(process.execPath, [...report, ...args]);
  const [, peak, cpu] = /USED (\d+) (\d+)/.exec(stderr) ?? [];
  return { seconds, peakMegabytes: Number(peak) / 1000, cpuSeconds: Number(cpu) / 1e6 };
}

/** Runs a line of the system's shell, with the processor's time that its children took. */
export async function measureShell(line: string): Promise<Sample> {
  const { seconds, stderr } = await run('bash', ['-c', `TIMEFORMAT='USED %U %S'; time { ${line}; }`]);
  const [, user, system] = /USED ([\d.]+) ([\d.]+)/.exec(stderr) ?? [];
  return { seconds, cpuSeconds: Number(user) + Number(system) };
}

/** Runs a program and returns what it printed. */
export async function run(command: string, args: readonly string[]) {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return { seconds: (performance.now() - start) / 1000, stdout, stderr };
}

/**
 * Waits until nothing is left to write and virtual machines have handed freed memory back to their host, which takes two
 * seconds. Who gets memory that is still at hand writes files three times as fast; both sides are to get none.
 */
export async function settle(): Promise<void> {
  await run('sync', []);
  await delay(5000);
}

/** The random checkpoint in the folder; written there, 4.3 GB, unless it is there already. */
export async function ensureCheckpoint(folder: string): Promise<string> {
  const path = join(folder, `random-${RECIPE_VERSION}.safetensors`);
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  await writeSafetensors(createRandomCheckpoint(), `${path}.tmp`);
  await rename(`${path}.tmp`, path);
  return path;
}

/** What a table of results is headed with. */
export function machine(): string {
  return `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} threads, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}
