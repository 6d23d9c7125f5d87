import * as z from 'zod/mini';
import { FunctionError } from '../errors.ts';
import { checkHubSource, type HubSource, hubRequest } from './hub-request.ts';

const treeSchema = z.array(z.object({ type: z.string(), path: z.string(), size: z.optional(z.number()) }));
/** A model's repository has tens of files; one without end must not hold us for ever. */
const MAX_PAGES = 100;

export interface ListHubFilesParams extends HubSource {
  signal?: AbortSignal | undefined;
}

/**
 * Lists the files of a repository, with their lengths in bytes: to download a whole diffusers folder.
 * @throws FunctionError as `downloadFromHub`.
 */
export async function listHubFiles(params: ListHubFilesParams): Promise<{ file: string; bytes: number }[]> {
  checkHubSource(params);
  const { repository, revision = 'main', signal = new AbortController().signal } = params;
  const files: { file: string; bytes: number }[] = [];
  const what = `repository ${repository}${revision === 'main' ? '' : ` at ${revision}`}`;
  let path: string | undefined = `/api/models/${repository}/tree/${encodeURIComponent(revision)}?recursive=true`;
  for (let page = 0; path !== undefined && page < MAX_PAGES; page += 1) {
    const response: Response = await hubRequest(params, { path, what, signal });
    const tree = treeSchema.safeParse(await response.json().catch(() => undefined));
    if (!tree.success) throw new FunctionError('unavailable', `The hub's list of ${what} cannot be read.`);
    for (const { type, path: file, size = 0 } of tree.data) if (type === 'file') files.push({ file, bytes: size });
    path = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return files;
}
