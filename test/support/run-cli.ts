import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { sharedCacheDir } from './embedded-model.ts';

/** Built by `test/run.ts`: it starts in half the time of the source, and is what people install. */
const main = join(import.meta.dirname, '../../function/dist/cli/main.js');

export interface CliResult {
  /** Exit code, or the name of the signal that ended it. */
  exit: number | string;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** The command line that runs the command. */
export function cliCommand(args: readonly string[]): [string, ...string[]] {
  return [process.execPath, main, ...args];
}

/** Starts the command with a clean environment. */
export function spawnCli(args: readonly string[], { cwd, env = {} }: CliOptions = {}): ChildProcess {
  const [node, ...rest] = cliCommand(args);
  const { PATH = '', HOME = '' } = process.env;
  return spawn(node, rest, {
    cwd,
    env: { PATH, HOME, SAFELIGHT_CACHE_DIR: sharedCacheDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs the command to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return finish(spawnCli(args, options));
}

export async function finish(child: ChildProcess): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { exit: code ?? signal ?? 'unknown', stdout, stderr };
}

/** Resolves once a line of standard output matches; the match's first group is its result. */
export function waitForOutput(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const match = pattern.exec(output);
      if (match !== null) resolve(match[1] ?? match[0]);
    });
    child.once('close', () => reject(new Error(`The command ended without printing ${pattern}: ${output}`)));
  });
}
