import { spawn } from 'node:child_process';

export interface RunOptions {
  /** Added to the environment. */
  env?: Record<string, string>;
  /** Return what it prints rather than show it. Its errors are shown all the same. */
  isQuiet?: boolean;
}

/** Runs other programs, from the repository's root. */
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

export function createProcessRunner(cwd: string): ProcessRunner {
  return {
    run: (command, args, { env = {}, isQuiet = false } = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(command, args, {
          cwd,
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
