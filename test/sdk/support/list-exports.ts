import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** One export of an entry point. */
export interface ListedExport {
  name: string;
  /** The text that stands before its declaration, if that is a TSDoc comment. */
  doc: string | undefined;
}

const REEXPORT = /export (?:type )?(\*|\{[^}]*\}) from '(\.[^']+)';/g;
const DECLARATION = /^export (?:async )?(?:const|function\*?|class|interface|type) (\w+)(.*)$/gm;
const DOC_BEFORE = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n$/;

/** Everything that a source file exports, its re-exports followed. */
export async function listExports(path: string): Promise<ListedExport[]> {
  const source = await readFile(path, 'utf8');
  const found: ListedExport[] = [];
  for (const [, names = '', from = ''] of source.matchAll(REEXPORT)) {
    const listed = await listExports(join(dirname(path), from));
    const wanted = names === '*' ? undefined : namesIn(names);
    for (const each of listed) if (wanted === undefined || wanted.includes(each.name)) found.push(each);
  }
  for (const match of source.matchAll(DECLARATION)) {
    const [, name = '', rest = ''] = match;
    // A type that is read off a schema is described where the schema is.
    const inferred = /z\.(?:infer|input|output)<typeof (\w+)>/.exec(rest)?.[1];
    const at = inferred === undefined ? match.index : source.search(new RegExp(`^export const ${inferred}\\b`, 'm'));
    found.push({ name, doc: DOC_BEFORE.exec(source.slice(0, at))?.[1]?.trim() });
  }
  return found;
}

const namesIn = (braces: string): string[] =>
  braces
    .slice(1, -1)
    .split(',')
    .map((name) => name.trim().replace(/^type /, ''))
    .filter((name) => name !== '');
