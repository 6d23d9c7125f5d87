/** All TypeScript of the documentation is type-checked against the packages, as strictly as their own code. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/embedded-model.ts';
import { finish } from '../support/run-cli.ts';
import { type Block, blocksOf, readGuides, root } from './markdown.ts';

/** What a snippet that imports nothing takes for granted, on its first line so that line numbers stay right but for one. */
const CLIENT = `import { createSafelight } from '@safelight/sdk'; const safelight = createSafelight({ endpoint: 'http://localhost' });\n`;

const compilerOptions = {
  // Snippets may end with what they were to show.
  noUnusedLocals: false,
  composite: false,
  declaration: false,
  declarationMap: false,
  noEmit: true,
  jsx: 'react-jsx',
  types: ['node'],
  lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
};

/** @returns what the compiler says, a line each; a snippet's file is named after its page and place. */
async function typeErrorsOf(snippets: Block[], folder: string): Promise<string[]> {
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const config = { extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['*.ts', '*.tsx'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  for (const [i, { page, language, code }] of snippets.entries()) {
    const file = join(folder, `${page.replaceAll('/', '_')}-${i}.${language}`);
    await writeFile(file, code.includes('import ') ? code : `${CLIENT}${code}`);
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { exit, stdout } = await finish(spawn(process.execPath, [tsc, '-p', folder], { cwd: folder }));
  const errors = stdout.split('\n').filter((line) => line !== '');
  assert.equal(exit === 0, errors.length === 0, stdout);
  return errors;
}

const misspelt: Block = {
  page: 'misspelt',
  language: 'ts',
  code: `await safelight.generate({ prompt: '', step: 5 });\n`,
};

test('the TypeScript of README.md, docs and the READMEs of the packages has no type errors', async (t) => {
  const snippets = (await readGuides()).flatMap(blocksOf).filter(({ language }) => /^tsx?$/.test(language));
  assert.ok(snippets.length >= 15, `${snippets.length} snippets`);
  // A snippet with a mistake goes along: one that is not found would mean that nothing is.
  const errors = await typeErrorsOf([...snippets, misspelt], await temporaryFolder(t));
  assert.match(errors.find((line) => line.startsWith('misspelt')) ?? '', /\(2,.*'step'/);
  assert.deepEqual(
    errors.filter((line) => !line.startsWith('misspelt')),
    [],
  );
});

test('the JSON of the documentation parses, also where a part of an object is shown', async () => {
  const blocks = (await readGuides()).flatMap(blocksOf).filter(({ language }) => language === 'json');
  assert.ok(blocks.length > 0);
  for (const { page, code } of blocks) {
    assert.doesNotThrow(() => JSON.parse(code.startsWith('{') ? code : `{${code}}`), page);
  }
});
