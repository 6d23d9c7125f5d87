import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { explainDiskError } from '../disk-errors.ts';
import { FunctionError } from '../errors.ts';
import { checkFreeSpace } from './check-free-space.ts';
import { describeHubFile, findHubFile, type HubFile, resolvePath } from './find-hub-file.ts';
import { type HubSource, hubRequest } from './hub-request.ts';
import { createProgressMeter, type OnProgress, type ProgressMeter } from './progress.ts';
import { acquirePullLock } from './pull-lock.ts';
import { abortableDelay } from './with-retries.ts';

export interface DownloadFromHubParams extends HubSource {
  /** Path inside the repository. */
  file: string;
  /** The file's path in the repository is its path in here. */
  folder: string;
  /** Refuse another file than this, whatever the hub says. */
  expectedSha256?: string | undefined;
  /** How often in a row it may fail without a byte. @defaultValue 5 */
  tries?: number | undefined;
  /** Before the second try; doubled with each. @defaultValue 500 */
  retryDelayMs?: number | undefined;
  /** Without a byte for so long, a connection is given up. @defaultValue 30_000 */
  stallTimeoutMs?: number | undefined;
  onProgress?: OnProgress | undefined;
  signal?: AbortSignal | undefined;
  /** For tests: bytes that a folder's disk has left. */
  freeBytes?: ((folder: string) => Promise<number>) | undefined;
}

export interface DownloadedFile {
  path: string;
  bytes: number;
  commit: string;
  checksum: HubFile['checksum'];
}

interface Download extends DownloadFromHubParams {
  found: HubFile;
  partPath: string;
  meter: ProgressMeter;
  signal: AbortSignal;
}

/**
 * Downloads a file from the Hugging Face hub. It grows in a `.part` file named after its checksum, which a later call
 * continues, and gets its name once length and checksum are right. A file that is there and right is not fetched again.
 * @throws FunctionError `forbidden` (a licence to accept), `unauthorized`, `not_found`, `model_corrupt` with both
 * checksums, `storage_full`, `conflict` (another process downloads it), `invalid_input`, `unavailable` (retryable). The signal's reason.
 */
export async function downloadFromHub(params: DownloadFromHubParams): Promise<DownloadedFile> {
  const { file, folder, expectedSha256, onProgress, signal = new AbortController().signal } = params;
  if (file.split('/').some((name) => name === '' || name === '.' || name === '..') || file.includes('\\')) {
    throw new FunctionError('invalid_input', 'The file is a path inside the repository.', { field: 'file' });
  }
  const found = await findHubFile({ ...params, signal });
  const { bytes, commit, checksum } = found;
  if (expectedSha256 !== undefined && checksum.hex !== expectedSha256) {
    const problem = `has ${checksum.algorithm} ${checksum.hex}, where ${expectedSha256} is known to be right`;
    throw new FunctionError('model_corrupt', `${describeHubFile(params)} ${problem}: it has been replaced.`);
  }
  const path = join(folder, file);
  const partPath = `${path}.${checksum.hex.slice(0, 12)}.part`;
  const meter = createProgressMeter({ totalBytes: bytes, onProgress });
  try {
    await mkdir(dirname(path), { recursive: true });
    if (await isRight(path, found, signal)) meter.reuse(bytes, file);
    else await fetchLocked(path, { ...params, signal, found, partPath, meter });
  } catch (error) {
    signal.throwIfAborted();
    throw explainDiskError(error, folder, 'choose another folder; what has arrived is kept');
  }
  return { path, bytes, commit, checksum };
}

async function isRight(path: string, found: HubFile, signal: AbortSignal): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  if (there?.size !== found.bytes) return false;
  const hash = startHash(found);
  await hashFile(hash, path, signal);
  return hash.digest('hex') === found.checksum.hex;
}

async function fetchLocked(path: string, download: Download): Promise<void> {
  const lock = await acquirePullLock({ path: `${path}.lock`, progress: () => download.meter.current });
  if (lock === undefined) {
    const message = `Another process is downloading ${describeHubFile(download)} into the same folder: wait for it.`;
    throw new FunctionError('conflict', message);
  }
  try {
    await fetchInto(path, download);
  } finally {
    await lock.release();
  }
}

async function fetchInto(path: string, download: Download): Promise<void> {
  const { found, partPath, folder, freeBytes, meter, signal } = download;
  const partial = await open(partPath, 'a+', 0o600);
  try {
    let { size } = await partial.stat();
    if (size > found.bytes) {
      await partial.truncate(0);
      size = 0;
    }
    await checkFreeSpace({ folder, neededBytes: found.bytes - size, freeBytes });
    const hash = startHash(found);
    await hashFile(hash, partPath, signal);
    meter.reuse(size, download.file);
    await fetchRest(download, partial, hash, size);
    await partial.sync();
    await checkHash(download, hash.digest('hex'));
  } finally {
    await partial.close();
  }
  await rename(partPath, path);
}

/** Fetches from `offset` to the end, and goes on where a connection broke. */
async function fetchRest(download: Download, partial: FileHandle, hash: Hash, offset: number): Promise<void> {
  const { found, tries = 5, retryDelayMs = 500, signal } = download;
  for (let failures = 0; offset < found.bytes; ) {
    const before = offset;
    try {
      for await (const chunk of chunksFrom(download, offset)) {
        await partial.writeFile(chunk);
        hash.update(chunk);
        offset += chunk.byteLength;
        download.meter.add(chunk.byteLength, download.file);
      }
    } catch (error) {
      signal.throwIfAborted();
      failures = offset > before ? 1 : failures + 1;
      if (!(error instanceof FunctionError && error.isRetryable) || failures >= tries) throw error;
      const backoffMs = retryDelayMs * 2 ** (failures - 1) * (1 - Math.random() / 2);
      await abortableDelay(Math.max(backoffMs, (error.retryAfterSeconds ?? 0) * 1000), signal);
    }
  }
}

async function* chunksFrom(download: Download, offset: number): AsyncGenerator<Uint8Array> {
  const { repository, file, found, stallTimeoutMs = 30_000, signal } = download;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), stallTimeoutMs);
  let left = found.bytes - offset;
  try {
    const response = await hubRequest(download, {
      path: resolvePath(repository, found.commit, file),
      headers: { range: `bytes=${offset}-`, 'accept-encoding': 'identity' },
      what: describeHubFile(download),
      signal: AbortSignal.any([signal, stalled.signal]),
    });
    // A server that knows no ranges begins at the beginning.
    let skip = response.status === 206 ? 0 : offset;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      timer.refresh();
      const wanted = chunk.subarray(Math.min(skip, chunk.byteLength)).subarray(0, left);
      skip -= Math.min(skip, chunk.byteLength);
      left -= wanted.byteLength;
      if (wanted.byteLength > 0) yield wanted;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FunctionError) throw error;
    throw brokenOff(download);
  } finally {
    clearTimeout(timer);
    stalled.abort();
  }
  if (left > 0) throw brokenOff(download);
}

function brokenOff(download: Download): FunctionError {
  const message = `The download of ${describeHubFile(download)} broke off: run it again, and it goes on from there.`;
  return new FunctionError('unavailable', message, { isRetryable: true });
}

async function checkHash(download: Download, foundHex: string): Promise<void> {
  const { hex, algorithm } = download.found.checksum;
  if (foundHex === hex) return;
  // Which of its bytes are wrong is not known, so none of them are kept.
  await rm(download.partPath, { force: true });
  const problem = `its ${algorithm} is ${foundHex}, it should be ${hex}`;
  throw new FunctionError(
    'model_corrupt',
    `${describeHubFile(download)} arrived damaged: ${problem}. Download it again.`,
  );
}

function startHash({ checksum, bytes }: HubFile): Hash {
  if (checksum.algorithm === 'sha256') return createHash('sha256');
  return createHash('sha1').update(`blob ${bytes}\0`);
}

async function hashFile(hash: Hash, path: string, signal: AbortSignal): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal }))
    hash.update(chunk as Uint8Array);
}
