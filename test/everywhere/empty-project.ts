/** A project as a newcomer has it: nothing but the packed SDK, installed from its tarball. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
export const root = join(import.meta.dirname, '../..');

export interface EmptyProject extends AsyncDisposable {
  folder: string;
  /** Installs packages, as `name@version`. */
  install(...packages: string[]): Promise<void>;
  write(name: string, text: string): Promise<void>;
  /** Runs a command in the project. @returns what it prints. @throws when it fails, with that. */
  run(command: string, args: readonly string[], env?: Record<string, string>): Promise<string>;
}

/** Builds and packs the SDK, and installs it in an empty project. Needs the npm registry, for zod. */
export async function createEmptyProject(): Promise<EmptyProject> {
  const folder = await mkdtemp(join(tmpdir(), 'safelight-project-'));
  const run: EmptyProject['run'] = async (command, args, env = {}) => {
    try {
      const { stdout } = await execute(command, args, {
        cwd: folder,
        env: { ...process.env, ...env },
        timeout: 180_000,
      });
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
    }
  };
  const install = async (...packages: string[]) => {
    await run('npm', ['install', '--no-audit', '--no-fund', '--silent', ...packages]);
  };
  await execute('npm', ['run', 'build'], { cwd: root });
  const packed = await execute('npm', ['pack', '--json', '--pack-destination', folder], { cwd: join(root, 'sdk') });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  await install(`./${filename}`);
  return {
    ...{ folder, install, run },
    write: (name, text) => writeFile(join(folder, name), text),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
