/** No page leads nowhere, and every page is found from the index. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { anchorsOf, linksOf, readAllPages, readGuides, root } from './markdown.ts';

const isExternal = (link: string) => /^[a-z]+:/i.test(link);

/** A link's file, by its path in the repository, and its anchor. */
function resolveLink(page: string, link: string): { path: string; anchor: string | undefined } {
  const [file = '', anchor] = link.split('#');
  return { path: file === '' ? page : normalize(join(dirname(page), decodeURI(file))), anchor };
}

test('every relative link of the documentation leads to a file, and to a heading of it', async () => {
  const pages = await readAllPages();
  const broken: string[] = [];
  for (const page of pages) {
    for (const link of linksOf(page).filter((each) => !isExternal(each))) {
      const { path, anchor } = resolveLink(page.path, link);
      const isThere = !path.startsWith('..') && (await stat(join(root, path)).catch(() => undefined)) !== undefined;
      const target = pages.find((each) => each.path === path);
      const isHeading = anchor === undefined || target === undefined || anchorsOf(target).includes(anchor);
      if (!isThere || !isHeading) broken.push(`${page.path}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('docs/README.md leads to every page of docs, and README.md to it', async () => {
  const guides = await readGuides();
  const linked = (path: string) => {
    const page = guides.find((each) => each.path === path);
    assert.ok(page !== undefined, `${path} is missing`);
    return linksOf(page).map((link) => resolveLink(path, link).path);
  };
  const index = linked('docs/README.md');
  const missing = guides.map(({ path }) => path).filter((path) => path.startsWith('docs/') && !index.includes(path));
  assert.deepEqual(missing, ['docs/README.md']);
  assert.ok(linked('README.md').includes('docs/README.md'));
});
