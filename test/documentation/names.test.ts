/** docs/architecture.md speaks of functions and types by their names in the code. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { blocksOf, inlineCodeOf, readGuides, root } from './markdown.ts';

const NAME = /\b(?:[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*)\b/g;

/** Everything that looks like a name in the sources of the SDK and the function. */
async function namesInSources(): Promise<Set<string>> {
  const names = new Set<string>();
  for (const folder of ['sdk/src', 'function/src']) {
    const files = await readdir(join(root, folder), { recursive: true });
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      const source = await readFile(join(root, folder, file), 'utf8');
      for (const [name] of source.matchAll(NAME)) names.add(name);
    }
  }
  return names;
}

test('every name of a function or a type in docs/architecture.md is one of the code', async () => {
  const page = (await readGuides()).find(({ path }) => path === 'docs/architecture.md');
  assert.ok(page !== undefined);
  const diagrams = blocksOf(page).map(({ code }) => code.replace('stateDiagram', ''));
  const names = [...diagrams, ...inlineCodeOf(page)].flatMap((text) => text.match(NAME) ?? []);
  const known = await namesInSources();
  assert.ok(names.length >= 25, names.join());
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    [],
  );
});
