import { readFile } from 'node:fs/promises';

/** The TypeScript blocks that are programs: those that import what they use. */
export async function readSnippets(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)]
    .map(([, code]) => code as string)
    .filter((code) => code.includes('import '));
}

/** Points a snippet at the server and the cache of this test; nothing else of it is changed. */
export function adaptSnippet(snippet: string, endpoint: string, cacheDir: string): string {
  return snippet
    .replaceAll(/'https?:\/\/(?:127\.0\.0\.1:7788|pictures\.example\.com)'/g, `'${endpoint}'`)
    .replaceAll("'/var/cache/safelight'", `'${cacheDir}'`);
}
