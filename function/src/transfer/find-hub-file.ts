import { FunctionError } from '../errors.ts';
import { checkHubSource, type HubSource, hubRequest } from './hub-request.ts';
import { withRetries } from './with-retries.ts';

export interface FindHubFileParams extends HubSource {
  /** Path inside the repository. */
  file: string;
  tries?: number | undefined;
  retryDelayMs?: number | undefined;
  signal: AbortSignal;
}

export interface HubFile {
  bytes: number;
  /** Large files are stored by their sha256, small ones by git's own checksum. */
  checksum: { algorithm: 'sha256' | 'git-sha1'; hex: string };
  /** The commit that the revision stands for now, so that a download is of one state. */
  commit: string;
}

/**
 * Asks the hub what a file is, without fetching it.
 * @throws FunctionError as `downloadFromHub`.
 */
export async function findHubFile(params: FindHubFileParams): Promise<HubFile> {
  checkHubSource(params);
  const { tries = 5, retryDelayMs = 500, signal } = params;
  const isRetryable = (error: unknown) => error instanceof FunctionError && error.isRetryable;
  return withRetries(() => ask(params), { tries, delayMs: retryDelayMs, isRetryable, signal });
}

async function ask(params: FindHubFileParams): Promise<HubFile> {
  const { repository, file, revision = 'main', signal } = params;
  const { headers } = await hubRequest(params, {
    path: resolvePath(repository, revision, file),
    method: 'HEAD',
    // A compressed answer would have another length.
    headers: { 'accept-encoding': 'identity' },
    // What describes the file is in the hub's own answer.
    shouldLeaveHub: false,
    what: describeHubFile(params),
    signal,
  });
  const bytes = Number(headers.get('x-linked-size') ?? headers.get('content-length') ?? Number.NaN);
  const hex = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\//, '').replaceAll('"', '');
  const commit = headers.get('x-repo-commit') ?? revision;
  const isGit = /^[0-9a-f]{40}$/.test(hex);
  if (!Number.isSafeInteger(bytes) || !(isGit || /^[0-9a-f]{64}$/.test(hex))) {
    throw new FunctionError('unavailable', `The hub does not say length and checksum of ${describeHubFile(params)}.`);
  }
  return { bytes, checksum: { algorithm: isGit ? 'git-sha1' : 'sha256', hex }, commit };
}

export function resolvePath(repository: string, revision: string, file: string): string {
  return `/${repository}/resolve/${encodeURIComponent(revision)}/${file.split('/').map(encodeURIComponent).join('/')}`;
}

export function describeHubFile({ repository, file, revision = 'main' }: HubSource & { file: string }): string {
  return `${file} in ${repository}${revision === 'main' ? '' : ` at ${revision}`}`;
}
