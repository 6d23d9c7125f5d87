import { dirname, join, resolve } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Manifest } from '../bundle/manifest.ts';
import { explainDiskError, hasErrorCode } from '../disk-errors.ts';
import { checkFreeSpace } from './check-free-space.ts';
import { adoptFiles, isWholeCopy, makeFolder, publish, refuseForeignFolder, storedBytes } from './local-copy.ts';
import { orderByNeed } from './order-by-need.ts';
import { createProgressMeter, type OnProgress, type ProgressMeter } from './progress.ts';
import { type PullSettings, pullFiles } from './pull-files.ts';
import { acquirePullLock, readLockProgress } from './pull-lock.ts';
import { type RemoteManifest, readRemoteManifest } from './read-remote-manifest.ts';
import type { S3Location } from './s3-location.ts';
import { abortableDelay } from './with-retries.ts';

const LOCK_POLL_MS = 200;

export interface PullBundleParams extends PullSettings, S3Location {
  client: S3Client;
  /** Where the bundle should lie; made with the folders above it. `<folder>.partial` and `<folder>.lock` lie beside it. */
  folder: string;
  onProgress?: OnProgress | undefined;
  signal?: AbortSignal | undefined;
  /** Called with the manifest before the first byte of the files is fetched. */
  onManifest?: ((manifest: Manifest) => void) | undefined;
  /** Read the copy that is there and fetch what is damaged, where its lengths would do. @defaultValue false */
  shouldRecheck?: boolean | undefined;
  /** After how long a silent owner of the lock counts as dead. @defaultValue 10_000 */
  lockStaleAfterMs?: number | undefined;
  /** For tests: bytes that a folder's disk has left. */
  freeBytes?: ((folder: string) => Promise<number>) | undefined;
}

export interface PulledBundle {
  manifest: Manifest;
  folder: string;
  /** Bytes that came over the network. */
  fetchedBytes: number;
}

/**
 * Brings a bundle from S3 into a folder. The folder appears whole or not at all: files grow in `<folder>.partial`, which
 * a later pull continues after checking what is there. A folder that has the bundle is left as it is. Of several
 * processes that want it at once, one fetches it and the others wait for that one.
 * @throws FunctionError `model_not_found` (nothing there), `not_found` (no such bucket), `forbidden`, `unauthorized`,
 * `model_corrupt` naming file and part with both checksums, `storage_full`, `conflict` (the folder holds something else),
 * `unavailable`: retryable where S3 was slow, failed or cut connections. The signal's reason.
 */
export async function pullBundle(params: PullBundleParams): Promise<PulledBundle> {
  const folder = resolve(params.folder);
  const remote = await readRemoteManifest(params);
  params.onManifest?.(remote.manifest);
  const totalBytes = Object.values(remote.manifest.files).reduce((total, { bytes }) => total + bytes, 0);
  const meter = createProgressMeter({ totalBytes, onProgress: params.onProgress });
  try {
    await makeFolder(dirname(folder));
    await refuseForeignFolder(folder);
    let shouldRecheck = params.shouldRecheck ?? false;
    while (shouldRecheck || !(await isWholeCopy(folder, remote))) {
      if (await pullOnce({ ...params, folder }, remote, meter)) {
        const { transferredBytes, reusedBytes } = meter.current;
        return { manifest: remote.manifest, folder, fetchedBytes: transferredBytes - reusedBytes };
      }
      shouldRecheck = false;
    }
  } catch (error) {
    params.signal?.throwIfAborted();
    throw explainDiskError(error, folder, 'choose another folder; what has arrived is kept');
  }
  await reportCopy(params, folder, remote, meter);
  return { manifest: remote.manifest, folder, fetchedBytes: 0 };
}

/** Fetches the bundle, or waits until another process that does so has stopped; says which. */
async function pullOnce(params: PullBundleParams, remote: RemoteManifest, meter: ProgressMeter): Promise<boolean> {
  const { folder, signal = new AbortController().signal, freeBytes } = params;
  const path = `${folder}.lock`;
  const partial = `${folder}.partial`;
  const lock = await acquirePullLock({ path, progress: () => meter.current, staleAfterMs: params.lockStaleAfterMs });
  if (lock === undefined) {
    await abortableDelay(LOCK_POLL_MS, signal);
    const progress = await readLockProgress(path);
    if (progress !== undefined) params.onProgress?.(progress);
    return false;
  }
  try {
    // Another process may have ended between the last look and now.
    if (params.shouldRecheck !== true && (await isWholeCopy(folder, remote))) return false;
    await makeFolder(partial);
    await adoptFiles({ from: folder, to: partial, manifest: remote.manifest });
    const neededBytes = meter.current.totalBytes - (await storedBytes(partial));
    await checkFreeSpace({ folder: dirname(folder), neededBytes, freeBytes });
    await pullFiles({ ...params, folder: partial, manifest: remote.manifest, meter, signal });
    await publish({ partial, folder, remote });
    return true;
  } catch (error) {
    // Its place was taken by a process that believed this one dead, and that has finished.
    if (hasErrorCode(error, 'ENOENT', 'EEXIST', 'ENOTEMPTY') && (await isWholeCopy(folder, remote))) return false;
    throw error;
  } finally {
    await lock.release();
  }
}

/** For a bundle that was there already. */
async function reportCopy(params: PullBundleParams, folder: string, remote: RemoteManifest, meter: ProgressMeter) {
  const listening = orderByNeed(Object.keys(remote.manifest.files)).map(async (file) => {
    meter.reuse(remote.manifest.files[file]?.bytes ?? 0, file);
    await params.onFileReady?.({ file, path: join(folder, file) });
  });
  // Not one after the other: a listener may wait for a later file.
  await Promise.all(listening);
}
