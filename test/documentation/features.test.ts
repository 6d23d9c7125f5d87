/** The tables of docs/features.md: whole, and every claim about Safelight with a test that is there. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { test } from 'node:test';
import { readGuides, root, rowsOf } from './markdown.ts';

const LINKED_TEST = /\[([\w-]+)\]\((\.\.\/test\/[^)]+\.test\.ts)\)/g;

test('every feature of docs/features.md that Safelight has leads to its test', async () => {
  const page = (await readGuides()).find(({ path }) => path === 'docs/features.md');
  assert.ok(page !== undefined);
  const rows = rowsOf(page);
  assert.ok(rows.length >= 40, `${rows.length} rows`);
  for (const cells of rows) {
    const [feature = ''] = cells;
    assert.equal(cells.length, 5, feature);
    assert.ok(
      cells.every((cell, i) => i === 0 || cell !== ''),
      `${feature}: an empty cell`,
    );
    const claim = cells[4] ?? '';
    const tests = [...claim.matchAll(LINKED_TEST)];
    const isMissing = claim === 'no' || claim.startsWith('no: ');
    assert.equal(tests.length === 0, isMissing, `${feature}: ${claim}`);
    for (const [, name = '', path = ''] of tests) {
      const file = normalize(join(root, 'docs', path));
      assert.ok((await stat(file)).isFile(), path);
      assert.ok(path.endsWith(`/${name}.test.ts`), `${feature}: ${name} leads to ${path}`);
    }
  }
});
