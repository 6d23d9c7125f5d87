import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface RunOptions {
  /** Added to the environment. */
  env?: Record<string, string>;
  /** Return what it prints rather than show it. Its errors are shown all the same. */
  isQuiet?: boolean;
  /** Folder to run in, from the repository's root. @defaultValue the root */
  folder?: string;
}

/** Runs other programs. */
export interface ProcessRunner {
  /**
   * @returns what it printed on standard output, when quiet.
   * @throws CommandFailed when it does not end well, or is not there.
   */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<string>;
}

/** A program that failed; it has said why itself. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  /** What it printed on standard output, when quiet. */
  readonly output: string;

  constructor(command: string, ending: string, output: string) {
    super(`${command} ${ending}`);
    this.output = output;
  }
}

/** @param root the repository's root */
export function createProcessRunner(root: string): ProcessRunner {
  return {
    run: (command, args, { env = {}, isQuiet = false, folder = '.' } = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(command, args, {
          cwd: join(root, folder),
          env: { ...process.env, ...env },
          stdio: ['inherit', isQuiet ? 'pipe' : 'inherit', 'inherit'],
        });
        let output = '';
        child.stdout?.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
        child.on('error', (error) => reject(new CommandFailed(command, `did not start: ${error.message}`, output)));
        child.on('close', (code, signal) => {
          if (code === 0) resolve(output);
          else reject(new CommandFailed(command, `ended with ${signal ?? `code ${code}`}`, output));
        });
      }),
  };
}
