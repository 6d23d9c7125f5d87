import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { FileEntry } from '../bundle/file-entry.ts';
import { MANIFEST_FILE, type Manifest } from '../bundle/manifest.ts';
import { readManifest } from '../bundle/open-bundle.ts';
import { readFileStates } from '../bundle/verified-states.ts';
import { FunctionError } from '../errors.ts';
import { explainS3Error, isTransientS3Error } from './explain-s3-error.ts';
import { type OutgoingFile, openOutgoingFile } from './outgoing-file.ts';
import type { FilePart } from './plan-parts.ts';
import { createProgressMeter, type OnProgress, type ProgressMeter } from './progress.ts';
import { readRemoteManifest } from './read-remote-manifest.ts';
import { hasRemoteCopy } from './remote-copy.ts';
import { runParallel } from './run-parallel.ts';
import { objectKey, type S3Location, s3Uri } from './s3-location.ts';
import { withRetries } from './with-retries.ts';

export interface PushBundleParams extends S3Location {
  client: S3Client;
  /** Holds the bundle, its manifest included. */
  folder: string;
  /** Parts sent at once. @defaultValue 4 */
  concurrency?: number | undefined;
  /** How often a request is tried. @defaultValue 4 */
  tries?: number | undefined;
  /** Before the second try; doubled with each. @defaultValue 200 */
  retryDelayMs?: number | undefined;
  onProgress?: OnProgress | undefined;
  signal?: AbortSignal | undefined;
}

export interface PushedBundle {
  manifest: Manifest;
  /** Names of files that were not there already, or differed. */
  sentFiles: string[];
  sentBytes: number;
}

interface Push extends PushBundleParams {
  signal: AbortSignal;
  meter: ProgressMeter;
  /** Retries, and says what went wrong where. */
  ask<Answer>(key: string, permission: string, request: () => Promise<Answer>): Promise<Answer>;
}

/**
 * Sends a bundle to S3: only files whose checksum there differs, large ones in parallel parts, of which those that an
 * interrupted push has sent are not sent again. The manifest, with licence and use restrictions, goes last, and the one
 * of an older version is removed before its first file is replaced: a bundle that has a manifest is whole.
 * @throws FunctionError `model_corrupt` when the folder is no whole bundle, `conflict` when another push of other bytes
 * ended meanwhile, `not_found` (no such bucket), `forbidden`, `unauthorized`, `unavailable`. The signal's reason.
 */
export async function pushBundle(params: PushBundleParams): Promise<PushedBundle> {
  const { folder, bucket, prefix } = params;
  const manifest = await readManifest(folder);
  const bytes = await readFile(join(folder, MANIFEST_FILE));
  await readFileStates(folder, manifest);
  const totalBytes = Object.values(manifest.files).reduce((total, entry) => total + entry.bytes, 0);
  const push = startPush(params, totalBytes);

  const present = await readPresentManifest(params);
  const changed = await findChanged(push, manifest);
  if (changed.length === 0 && present !== undefined && bytes.equals(present)) {
    return { manifest, sentFiles: [], sentBytes: 0 };
  }
  if (changed.length > 0 && present !== undefined) {
    const key = objectKey(prefix, MANIFEST_FILE);
    const remove = new DeleteObjectCommand({ Bucket: bucket, Key: key });
    await push.ask(key, 's3:DeleteObject', () => params.client.send(remove, { abortSignal: push.signal }));
  }
  await sendFiles(push, changed);
  await sendManifest(push, bytes, changed.length === 0 && present !== undefined);
  const { transferredBytes, reusedBytes } = push.meter.current;
  return { manifest, sentFiles: changed.map(([name]) => name), sentBytes: transferredBytes - reusedBytes };
}

function startPush(params: PushBundleParams, totalBytes: number): Push {
  const { bucket, tries = 4, retryDelayMs = 200, signal = new AbortController().signal, onProgress } = params;
  return {
    ...params,
    signal,
    meter: createProgressMeter({ totalBytes, onProgress }),
    async ask(key, permission, request) {
      const retries = { tries, delayMs: retryDelayMs, isRetryable: isTransientS3Error, signal };
      return withRetries(request, retries).catch((error: unknown) => {
        signal.throwIfAborted();
        throw explainS3Error(error, { bucket, key, permission });
      });
    },
  };
}

/** The manifest that is there now; one that this version cannot read counts as another. */
async function readPresentManifest(params: PushBundleParams): Promise<Uint8Array | undefined> {
  return readRemoteManifest(params).then(
    ({ bytes }) => bytes,
    (error: unknown) => {
      if (!(error instanceof FunctionError)) throw error;
      if (error.code === 'model_not_found') return undefined;
      if (error.code === 'model_corrupt') return new Uint8Array();
      throw error;
    },
  );
}

async function findChanged(push: Push, manifest: Manifest): Promise<[string, FileEntry][]> {
  const { client, bucket, prefix, signal, meter } = push;
  const changed: [string, FileEntry][] = [];
  await runParallel({
    items: Object.entries(manifest.files),
    concurrency: 4,
    signal,
    async work([name, entry]) {
      const key = objectKey(prefix, name);
      const ask = () => hasRemoteCopy({ client, bucket, key, entry, signal });
      if (await push.ask(key, 's3:GetObject', ask)) meter.reuse(entry.bytes, name);
      else changed.push([name, entry]);
    },
  });
  return changed.sort(([a], [b]) => (a < b ? -1 : 1));
}

async function sendFiles(push: Push, changed: [string, FileEntry][]): Promise<void> {
  const { client, bucket, prefix, folder, concurrency = 4, meter, signal } = push;
  const open: OutgoingFile[] = [];
  const buffers: Uint8Array[] = [];
  try {
    const queue: [OutgoingFile, FilePart][] = [];
    for (const [name, entry] of changed) {
      const key = objectKey(prefix, name);
      const start = () => openOutgoingFile({ client, bucket, key, folder, name, entry, signal });
      const file = await push.ask(key, 's3:PutObject and s3:ListMultipartUploadParts', start);
      open.push(file);
      for (const part of file.parts) queue.push([file, part]);
    }
    await runParallel({
      items: queue,
      concurrency,
      signal,
      async work([file, part], { signal: stop, worker }) {
        const key = objectKey(prefix, file.name);
        const spare = buffers[worker];
        const buffer =
          spare !== undefined && spare.byteLength >= part.length ? spare : Buffer.allocUnsafeSlow(part.length);
        buffers[worker] = buffer;
        if (file.holds(part)) {
          meter.reuse(part.length, part.file);
        } else {
          await push.ask(key, 's3:PutObject', () => file.send(part, buffer, stop));
          meter.add(part.length, part.file);
        }
        if (file.settle(part)) await push.ask(key, 's3:PutObject', () => file.complete(stop));
      },
    });
  } finally {
    await Promise.allSettled(open.map((file) => file.close()));
  }
}

async function sendManifest(push: Push, bytes: Buffer, isReplacing: boolean): Promise<void> {
  const { client, bucket, prefix, signal } = push;
  const key = objectKey(prefix, MANIFEST_FILE);
  const put = async () => {
    const condition = isReplacing ? {} : { IfNoneMatch: '*' };
    const object = { Bucket: bucket, Key: key, Body: bytes, ContentType: 'application/json', ...condition };
    await client.send(new PutObjectCommand(object), { abortSignal: signal }).catch((error: unknown) => {
      if (!(error instanceof Error)) throw error;
      // S3 asks for another try where two writers met.
      if (error.name === 'ConditionalRequestConflict')
        throw new FunctionError('unavailable', error.name, { isRetryable: true });
      if (error.name !== 'PreconditionFailed') throw error;
      return 'taken' as const;
    });
  };
  await push.ask(key, 's3:PutObject', put);
  const present = await readRemoteManifest(push);
  if (bytes.equals(present.bytes)) return;
  const message = `Another push to ${s3Uri(bucket, prefix)} ended meanwhile with other files: look which you want, and push it again.`;
  throw new FunctionError('conflict', message);
}
