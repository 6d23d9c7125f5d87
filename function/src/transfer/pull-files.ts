import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { spareThreads, startByteThreads } from '../bundle/byte-threads.ts';
import type { FileEntry } from '../bundle/file-entry.ts';
import type { Manifest } from '../bundle/manifest.ts';
import { FunctionError } from '../errors.ts';
import { explainS3Error, isTransientS3Error } from './explain-s3-error.ts';
import { type FetchLimits, fetchRange } from './fetch-range.ts';
import { type IncomingFile, openIncomingFile } from './incoming-file.ts';
import { orderByNeed } from './order-by-need.ts';
import type { FilePart } from './plan-parts.ts';
import type { ProgressMeter } from './progress.ts';
import { runParallel } from './run-parallel.ts';
import { objectKey, type S3Location, s3Uri } from './s3-location.ts';
import { withRetries } from './with-retries.ts';

/** A file of the bundle that is whole and checked. */
export interface ReadyFile {
  file: string;
  /** Where it can be opened until the folder gets its final name. */
  path: string;
}

export interface PullSettings extends FetchLimits {
  /** Ranges fetched at once. @defaultValue 8 */
  concurrency?: number | undefined;
  /** How often a part is asked for before the pull fails. @defaultValue 4 */
  tries?: number | undefined;
  /** Before the second try; doubled with each. @defaultValue 200 */
  retryDelayMs?: number | undefined;
  /**
   * Wait until each file is on the disk. Without it a power cut right after the pull can leave a copy that is found
   * damaged when it is opened. @defaultValue true
   */
  isDurable?: boolean | undefined;
  /** The first part of a file is asked for. */
  onFileStart?: ((file: string) => void) | undefined;
  /**
   * A file is whole: the tokenizer and the text encoder first, then UNet and VAE, though a small file may overtake a
   * large one. The pull ends, and the folder gets its name, once the promises returned here have settled, so that a
   * session can be created from `path`.
   */
  onFileReady?: ((ready: ReadyFile) => void | Promise<void>) | undefined;
}

export interface PullFilesParams extends PullSettings, S3Location {
  client: S3Client;
  manifest: Manifest;
  /** Must exist; files in it are kept as far as they are right. */
  folder: string;
  meter: ProgressMeter;
  signal: AbortSignal;
}

/**
 * Fetches all files of a bundle, in parallel ranges written at their offsets. Each part is checked as it arrives, and fetched
 * again where it is wrong: what is not checked has no manifest beside it, and is checked by the next pull.
 * @throws FunctionError as `pullBundle`; the signal's reason.
 */
export async function pullFiles(params: PullFilesParams): Promise<void> {
  const { manifest, concurrency = 8, signal, onFileReady, isDurable = true } = params;
  const open = new Set<IncomingFile>();
  const ready: Promise<void>[] = [];
  const threads = startByteThreads(spareThreads());

  const finish = async (file: IncomingFile) => {
    if (onFileReady !== undefined) {
      const listening = Promise.resolve(onFileReady({ file: file.name, path: file.path }));
      // Awaited below, which may be a while after it fails.
      listening.catch(() => undefined);
      ready.push(listening);
    }
    open.delete(file);
    await file.close(isDurable);
  };
  const openNext = async (name: string): Promise<IncomingFile> => {
    const entry = manifest.files[name] as FileEntry;
    const file = await openIncomingFile({ name, path: join(params.folder, name), entry, threads });
    open.add(file);
    return file;
  };

  try {
    const queue: [IncomingFile, FilePart][] = [];
    for (const name of orderByNeed(Object.keys(manifest.files))) {
      const file = await openNext(name);
      if (file.parts.length === 0) await finish(file);
      for (const part of file.parts) queue.push([file, part]);
    }
    await runParallel({
      items: queue,
      concurrency,
      signal,
      async work([file, part], { signal: stop }) {
        if (part.index === 0) params.onFileStart?.(file.name);
        await bringPart({ ...params, signal: stop }, file, part);
        if (file.settle(part)) await finish(file);
      },
    });
    await Promise.all(ready);
  } finally {
    await Promise.allSettled([...open].map((file) => file.close(false)));
    await threads.close();
  }
}

async function bringPart(params: PullFilesParams, file: IncomingFile, part: FilePart): Promise<void> {
  const { meter, tries = 4, retryDelayMs = 200, signal } = params;
  if (await file.holds(part)) {
    meter.reuse(part.length, part.file);
    return;
  }
  const retries = { tries, delayMs: retryDelayMs, isRetryable: isWorthAnotherTry, signal };
  await withRetries(() => fetchChecked(params, file, part), retries).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error instanceof WriteFailure ? error.cause : explainGet(error, params, part);
  });
}

async function fetchChecked(params: PullFilesParams, file: IncomingFile, part: FilePart): Promise<void> {
  const { client, bucket, prefix, manifest, meter, stallTimeoutMs, partTimeoutMs, signal } = params;
  const writer = file.writePart(part);
  const finish = () =>
    writer.finish().catch((cause: unknown) => {
      throw new WriteFailure('A part could not be written', { cause });
    });
  let arrived = 0;
  try {
    await fetchRange({
      client,
      bucket,
      key: objectKey(prefix, part.file),
      offset: part.offset,
      length: part.length,
      objectBytes: manifest.files[part.file]?.bytes ?? 0,
      onChunk(chunk) {
        writer.add(chunk);
        arrived += chunk.byteLength;
        meter.add(chunk.byteLength, part.file);
      },
      signal,
      ...(stallTimeoutMs === undefined ? {} : { stallTimeoutMs }),
      ...(partTimeoutMs === undefined ? {} : { partTimeoutMs }),
    });
    const found = await finish();
    if (found !== part.crc32) throw new WrongBytes(part, found, s3Uri(bucket, objectKey(prefix, part.file)));
  } catch (error) {
    meter.add(-arrived, part.file);
    // What is still being written must not meet the next try.
    await finish();
    throw error;
  }
}

/** The disk's fault and not S3's: no other try would help. */
class WriteFailure extends Error {}

/** A part that arrived with another checksum: another try may bring the right bytes. */
class WrongBytes extends FunctionError {
  constructor({ file, index, count, crc32 }: FilePart, found: string, place: string) {
    const problem = `Part ${index + 1} of ${count} of ${file} arrived damaged from ${place}`;
    super('model_corrupt', `${problem}: its CRC32 is ${found}, it should be ${crc32}. Push the bundle again.`);
  }
}

function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof WrongBytes || isTransientS3Error(error);
}

function explainGet(error: unknown, { bucket, prefix }: S3Location, { file }: FilePart): FunctionError {
  const key = objectKey(prefix, file);
  if (error instanceof Error && error.name === 'NoSuchKey') {
    const problem = `${s3Uri(bucket, key)} is missing, though the bundle's manifest lists it`;
    return new FunctionError('model_corrupt', `${problem}: push the bundle again.`);
  }
  return explainS3Error(error, { bucket, key, permission: 's3:GetObject' });
}
