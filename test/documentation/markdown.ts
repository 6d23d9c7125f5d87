import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** A Markdown file, by its path in the repository. */
export interface Page {
  path: string;
  text: string;
}

/** A fenced block. */
export interface Block {
  page: string;
  language: string;
  code: string;
}

const READMES = ['README.md', 'sdk/README.md', 'function/README.md', 'infra/README.md'];

/** What people read to use Safelight: the READMEs and all of docs/. */
export async function readGuides(): Promise<Page[]> {
  return readPages([...READMES, ...(await findPages('docs'))]);
}

/** The guides, the model's card and the notes beside the fixtures. */
export async function readAllPages(): Promise<Page[]> {
  const others = [...(await findPages('function/models')), ...(await findPages('test/fixtures'))];
  return [...(await readGuides()), ...(await readPages(others))];
}

async function findPages(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

async function readPages(paths: string[]): Promise<Page[]> {
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') })));
}

const FENCED = /^```(\w*)\n(.*?)^```$/gms;

export function blocksOf({ path, text }: Page): Block[] {
  return [...text.matchAll(FENCED)].map(([, language = '', code = '']) => ({ page: path, language, code }));
}

/** The text without its fenced blocks. */
const proseOf = ({ text }: Page): string => text.replace(FENCED, '');

/** What stands between backticks in the prose. */
export const inlineCodeOf = (page: Page): string[] =>
  [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);

/** The anchors that GitHub gives to the headings. */
export function anchorsOf(page: Page): string[] {
  const seen = new Map<string, number>();
  return [...proseOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').trim();
    const slug = words
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{Nd}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const earlier = seen.get(slug) ?? 0;
    seen.set(slug, earlier + 1);
    return earlier === 0 ? slug : `${slug}-${earlier}`;
  });
}

/** Where the links and pictures of the prose lead. */
export function linksOf(page: Page): string[] {
  const prose = proseOf(page).replace(/`[^`\n]+`/g, '');
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g), ...prose.matchAll(/<(?:img|a)[^>]* (?:src|href)="([^"]+)"/g)];
  return links.map(([, target = '']) => target);
}

/** The rows of all tables, as their cells; heads and rules between are left out. */
export function rowsOf(page: Page): string[][] {
  const lines = proseOf(page).split('\n');
  const isRule = (line: string | undefined) => /^\|[\s:|-]+\|$/.test(line ?? '');
  return lines
    .filter((line, i) => line.startsWith('|') && !isRule(line) && !isRule(lines[i + 1]))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
