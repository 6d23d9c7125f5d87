/** The shell commands of the documentation, and how they are written. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Block, blocksOf, readGuides, root } from './markdown.ts';
import { notRun } from './not-run.ts';

/** One command of a shell block. */
export interface ShellCommand {
  page: string;
  /** As it stands in the block, on one line. */
  text: string;
  /** Program and arguments, without quotes. */
  words: string[];
}

const COMMENT = /(^|\s)#\s.*$/;

/** The commands of a block: lines, joined where they go on, and parted at `&&`. */
export function commandsOf({ page, code }: Block): ShellCommand[] {
  return code
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line) => line.replace(COMMENT, '').split(' && '))
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => ({ page, text, words: splitWords(text) }));
}

const WORD = /(?:"(?:[^"\\]|\\.)*"|'[^']*'|\$\([^)]*\)|[^\s"'])+/g;

/** Words as the shell parts them; variables and substitutions are left as they stand. */
export function splitWords(text: string): string[] {
  return (text.match(WORD) ?? []).map((word) => word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, '$1$2'));
}

/** A command without the variables set before it. */
const withoutVariables = (words: string[]): string[] =>
  words.slice(words.findIndex((word) => !/^[A-Za-z_]+=/.test(word)));

/** What follows `--`, which npm hands to the script. */
export const scriptArguments = (words: string[]): string[] => {
  const dashes = words.indexOf('--');
  return dashes < 0 ? [] : words.slice(dashes + 1);
};

/**
 * The arguments that a command hands to `safelight`: itself, with npx, or by one of npm's scripts that run it.
 * @returns `undefined` for a command that runs something else.
 */
export function safelightArguments(words: string[], scripts: Record<string, string>): string[] | undefined {
  const [program, ...rest] = withoutVariables(words);
  if (program === 'safelight') return rest;
  if (program === 'npx' && rest[0] === 'safelight') return rest.slice(1);
  if (program !== 'npm' || rest[0] !== 'run') return undefined;
  const script = scripts[rest[1] ?? ''] ?? '';
  const own = /(?:function\/src\/cli\/main\.ts|npm run --silent safelight --)(.*)$/.exec(script)?.[1];
  return own === undefined ? undefined : [...splitWords(own), ...scriptArguments(rest)];
}

/** npm's scripts by their names. */
export async function readScripts(): Promise<Record<string, string>> {
  const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return (manifest as { scripts: Record<string, string> }).scripts;
}

/** All commands of the guides' shell blocks. */
export async function readCommands(): Promise<ShellCommand[]> {
  const blocks = (await readGuides()).flatMap(blocksOf);
  return blocks.filter(({ language }) => language === 'sh').flatMap(commandsOf);
}

/** What the commands that can be run anywhere hand to `safelight`, each once. */
export async function readRunnableCommands(): Promise<{ text: string; args: string[] }[]> {
  const scripts = await readScripts();
  const commands = new Map<string, string[]>();
  for (const { text, words } of await readCommands()) {
    const args = safelightArguments(words, scripts);
    if (args !== undefined && !notRun.some(({ command }) => command.test(text))) commands.set(text, args);
  }
  return [...commands].map(([text, args]) => ({ text, args }));
}
