import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pageFileHeaders } from '@safelight/function/api/page-headers';
import type { SiteFile } from './aws-account.ts';

/**
 * The files of a built playground, with what the server would say of them.
 * @throws Error when the folder has no page.
 */
export async function readSite(folder: string): Promise<SiteFile[]> {
  const files: SiteFile[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = name.split(sep).join('/');
    const headers = pageFileHeaders(`/${path}`);
    if (headers === undefined) continue;
    const [contentType, cacheControl] = [headers['content-type'], headers['cache-control']];
    files.push({ path, body: await readFile(join(folder, name)), contentType, cacheControl });
  }
  if (!files.some(({ path }) => path === 'index.html')) throw new Error(`${folder} has no index.html`);
  return files;
}
