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
    .replaceAll(/'https?:\/\/(?:127\.0\.0\.1:7788|pictures\.example\.com)(\/v1)?'/g, `'${endpoint}$1'`)
    .replaceAll("'/var/cache/safelight'", `'${cacheDir}'`);
}

/** The shell blocks that call a server with curl. */
export async function readCurlSnippets(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)]
    .map(([, code]) => code as string)
    .filter((code) => code.includes('curl '));
}

/** The arguments of each `npm run safelight -- …` and `npm run generate -- …` of the shell blocks. */
export async function readCommands(path: string): Promise<string[][]> {
  const text = await readFile(path, 'utf8');
  const lines = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, code = '']) => code.split('\n'));
  return lines.flatMap((line) => {
    const [, script, rest = ''] = /^npm run (safelight|generate) -- (.*)$/.exec(line) ?? [];
    if (script === undefined) return [];
    const args = Array.from(rest.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '');
    return [script === 'generate' ? ['generate', ...args] : args];
  });
}
