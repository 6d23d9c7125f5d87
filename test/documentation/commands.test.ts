/** No command of the documentation names a script, a test, an option or a value that is not there. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import {
  commandsOf,
  readCommands,
  readScripts,
  type ShellCommand,
  safelightArguments,
  scriptArguments,
  splitWords,
} from './commands.ts';
import { blocksOf, inlineCodeOf, type Page, readGuides, root } from './markdown.ts';
import { notRun } from './not-run.ts';
import { readArguments } from './safelight-program.ts';

describe('the commands of the documentation', () => {
  let guides: Page[];
  let scripts: Record<string, string>;
  let commands: ShellCommand[];
  let inline: ShellCommand[];
  before(async () => {
    guides = await readGuides();
    commands = await readCommands();
    scripts = await readScripts();
    inline = guides.flatMap((page) =>
      inlineCodeOf(page)
        .filter((code) => /^(npm|npx|safelight) /.test(code))
        .map((text) => ({ page: page.path, text, words: splitWords(text) })),
    );
  });

  test('are in blocks that say so', () => {
    const unmarked = guides.flatMap(blocksOf).filter(({ language, code }) => {
      return language === '' && commandsOf({ page: '', language, code }).some(({ words }) => isProgram(words[0]));
    });
    assert.deepEqual(unmarked, []);
  });

  test("name npm's scripts and tests that are there", async () => {
    const tests = (await readdir(join(root, 'test'), { recursive: true })).filter((name) => name.endsWith('.test.ts'));
    for (const { page, text, words } of [...commands, ...inline]) {
      const npm = words.indexOf('npm');
      if (npm < 0) continue;
      if (words[npm + 1] === 'run') assert.ok(words[npm + 2] ?? '' in scripts, `${page}: ${text}`);
      if (words[npm + 1] !== 'test') continue;
      for (const word of scriptArguments(words)) {
        assert.ok(
          tests.some((name) => name.includes(word)),
          `${page}: no test is called ${word}`,
        );
      }
    }
  });

  test('of safelight have arguments that it takes', () => {
    let read = 0;
    for (const { page, text, words } of [...commands, ...inline]) {
      const args = safelightArguments(words, scripts);
      if (args === undefined) continue;
      const isInline = inline.some((each) => each.text === text);
      assert.doesNotThrow(() => readOrRefuse(args, isInline), `${page}: ${text}`);
      read++;
    }
    assert.ok(read >= 40, `${read} commands`);
  });

  test('of safelight with an option, a value or a command that is not there would be found', () => {
    for (const wrong of ['generate x --stepz 3', 'generate x --steps 5x', 'weights conver x', 'models now']) {
      assert.throws(() => readArguments(wrong.split(' ')), wrong);
    }
  });

  test('are run, or it is said why not', () => {
    const unused = notRun.filter(({ command }) => !commands.some(({ text }) => command.test(text)));
    assert.deepEqual(unused, [], 'reasons for commands that are no longer there');
    const known = (text: string) => notRun.some(({ command }) => command.test(text));
    const others = commands.filter(({ text, words }) => !known(text) && !safelightArguments(words, scripts));
    assert.deepEqual(others, [], 'to be added to test/documentation/not-run.ts');
  });
});

const isProgram = (word: string | undefined) => /^(npm|npx|node|safelight|aws|curl|docker|cd)$/.test(word ?? '');

/** In running text a command's name stands for the command, and its arguments may be left out. */
function readOrRefuse(args: string[], isInline: boolean): void {
  try {
    readArguments(args);
  } catch (error) {
    const { code, field } = error as { code?: string; field?: string };
    const isAbridged =
      code === 'commander.missingArgument' ||
      code === 'commander.help' ||
      code === 'commander.helpDisplayed' ||
      field === 'prompt';
    if (!isInline || !isAbridged) throw error;
  }
}
