import { readConfig } from '../../function/src/cli/config.ts';
import { type GenerateFlags, parseGenerateFlags } from '../../function/src/cli/generate-input.ts';
import { createProgram } from '../../function/src/cli/program.ts';

type Program = ReturnType<typeof createProgram>;

/**
 * Reads arguments as the `safelight` command does, the values of `generate` too, and does nothing with them.
 * @throws where they are not as declared.
 */
export function readArguments(words: readonly string[]): void {
  const program = createProgram(readConfig({}));
  for (const command of withSubcommands(program)) {
    command.configureOutput({ writeErr() {}, writeOut() {} });
    if (command.commands.length === 0) command.allowExcessArguments(false).action(() => undefined);
  }
  program.commands
    .find((command) => command.name() === 'generate')
    ?.action((prompt: string[], flags: GenerateFlags) => {
      // The picture that settings are read from has a prompt.
      const base = flags.fromImage === undefined ? {} : { prompt: 'a fox' };
      parseGenerateFlags(prompt.join(' '), flags, pictures(flags), base);
    });
  program.parse(words, { from: 'user' });
}

/** Stand in for the files that are named. */
function pictures({ initImage, mask }: GenerateFlags): Parameters<typeof parseGenerateFlags>[2] {
  const file = { key: `uploads/local/${'0'.repeat(64)}.png`, data: new Uint8Array() };
  return { ...(initImage === undefined ? {} : { initImage: file }), ...(mask === undefined ? {} : { mask: file }) };
}

const withSubcommands = (command: Program): Program[] => [command, ...command.commands.flatMap(withSubcommands)];
