import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type ListedExport, listExports } from './support/list-exports.ts';

const root = join(import.meta.dirname, '../..');

interface Manifest {
  version: string;
  exports: Record<string, { '@safelight/source'?: string } | string>;
}
const manifest = JSON.parse(await readFile(join(root, 'sdk/package.json'), 'utf8')) as Manifest;
const reference = await readFile(join(root, 'docs/sdk-reference.md'), 'utf8');
const readme = await readFile(join(root, 'sdk/README.md'), 'utf8');

/** The names in the first column of the tables under an entry point's heading. */
function namesUnder(entry: string): string[] {
  const [, section = ''] = reference.split(`\n## \`${entry}\`\n`);
  return [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name);
}

const isUndocumented = ({ doc }: ListedExport) => doc === undefined || doc === '';

describe('the API reference', () => {
  for (const [subpath, conditions] of Object.entries(manifest.exports)) {
    const source = typeof conditions === 'string' ? undefined : conditions['@safelight/source'];
    if (source === undefined) continue;
    const entry = subpath.replace('.', '@safelight/sdk');
    it(`lists every export of ${entry}, and no other`, async () => {
      const listed = (await listExports(join(root, 'sdk', source))).map(({ name }) => name);
      assert.deepEqual(namesUnder(entry).sort(), [...new Set(listed)].sort());
    });
    it(`every export of ${entry} has its TSDoc`, async () => {
      const bare = (await listExports(join(root, 'sdk', source))).filter(isUndocumented).map(({ name }) => name);
      assert.deepEqual(bare, []);
    });
  }
});

describe("the README's table of errors", () => {
  it('has a row for each error class, and each code in one', async () => {
    const classes = (await listExports(join(root, 'sdk/src/index.ts')))
      .map(({ name }) => name)
      .filter((name) => /Error$/.test(name) && name !== 'SafelightError' && name !== 'JobError');
    const rows = [...readme.matchAll(/^\| `(\w+Error)`/gm)].map(([, name = '']) => name);
    assert.deepEqual(rows.sort(), classes.sort());
  });
});
