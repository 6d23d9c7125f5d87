import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readConfig } from '../../function/src/cli/config.ts';
import { type GenerateFlags, parseGenerateFlags } from '../../function/src/cli/generate-input.ts';
import { root } from './markdown.ts';

/** What is needed of commander's `Command`, which is the function's dependency, not the tests'. */
interface Command {
  name(): string;
  readonly commands: Command[];
  exitOverride(): Command;
  configureOutput(output: { writeErr(text: string): void; writeOut(text: string): void }): Command;
  allowExcessArguments(allow: boolean): Command;
  action(run: (words: string[], flags: GenerateFlags) => void): Command;
  parse(words: readonly string[], options: { from: 'user' }): Command;
}

const { Command } = createRequire(join(root, 'function/package.json'))('commander') as {
  Command: new (name: string) => Command;
};

type AddCommand = (program: Command, config: ReturnType<typeof readConfig>) => void;

/**
 * The `safelight` command with all that main.ts adds to it, and nothing behind it: it reads its arguments, throws where
 * they are not as declared, and does nothing else. The values of `generate` are read, too.
 * @returns a function that reads arguments.
 */
export async function createArgumentReader(): Promise<(words: readonly string[]) => void> {
  const folder = join(root, 'function/src/cli');
  const main = await readFile(join(folder, 'main.ts'), 'utf8');
  const modules = [...main.matchAll(/^import \{ (add\w+Command) \} from '\.\/(.+)';$/gm)];
  const addCommands = await Promise.all(
    modules.map(async ([, name = '', path = '']) => {
      const module = (await import(join(folder, path))) as Record<string, AddCommand>;
      return module[name] as AddCommand;
    }),
  );
  return (words) => {
    const program = new Command('safelight').exitOverride().configureOutput({ writeErr() {}, writeOut() {} });
    for (const add of addCommands) add(program, readConfig({}));
    for (const command of withSubcommands(program)) {
      if (command.commands.length === 0) command.allowExcessArguments(false).action(() => undefined);
    }
    program.commands
      .find((command) => command.name() === 'generate')
      ?.action((prompt, flags) => void parseGenerateFlags(prompt.join(' '), flags, pictures(flags)));
    program.parse(words, { from: 'user' });
  };
}

/** Stand in for the files that are named. */
function pictures({ initImage, mask }: GenerateFlags): Parameters<typeof parseGenerateFlags>[2] {
  const file = { key: `uploads/local/${'0'.repeat(64)}.png`, data: new Uint8Array() };
  return { ...(initImage === undefined ? {} : { initImage: file }), ...(mask === undefined ? {} : { mask: file }) };
}

const withSubcommands = (command: Command): Command[] => [command, ...command.commands.flatMap(withSubcommands)];
