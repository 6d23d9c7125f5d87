import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { FunctionError } from '../errors.ts';
import { s3Uri } from './s3-location.ts';

export interface FetchLimits {
  /** Without a byte for so long, a request is given up. @defaultValue 20_000 */
  stallTimeoutMs?: number;
  /** A request that takes longer than this is given up, however steadily it trickles. @defaultValue 180_000 */
  partTimeoutMs?: number;
}

export interface FetchRangeParams extends FetchLimits {
  client: S3Client;
  bucket: string;
  key: string;
  offset: number;
  length: number;
  /** Length of the whole object; another one is an error. */
  objectBytes: number;
  /** Called with the bytes as they arrive, in order. */
  onChunk: (chunk: Uint8Array) => void;
  signal: AbortSignal;
}

/**
 * Reads one range of an object.
 * @throws FunctionError `unavailable` (retryable) when it is cut off or too slow, `model_corrupt` when the object has
 * another length; what the S3 client throws; the signal's reason.
 */
export async function fetchRange(params: FetchRangeParams): Promise<void> {
  const { stallTimeoutMs = 20_000, partTimeoutMs = 180_000, signal } = params;
  signal.throwIfAborted();
  const request = new AbortController();
  const giveUp = (problem: string) => () => request.abort(brokenTransfer(params, problem));
  const stallTimer = setTimeout(giveUp(`sent nothing for ${stallTimeoutMs / 1000} s`), stallTimeoutMs);
  const partTimer = setTimeout(giveUp(`took longer than ${partTimeoutMs / 1000} s for one part`), partTimeoutMs);
  const onAbort = () => request.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await readRange(params, request.signal, () => stallTimer.refresh());
  } catch (error) {
    request.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(stallTimer);
    clearTimeout(partTimer);
    signal.removeEventListener('abort', onAbort);
  }
}

async function readRange(params: FetchRangeParams, signal: AbortSignal, onAlive: () => void): Promise<void> {
  const { client, bucket, key, offset, length, objectBytes, onChunk } = params;
  const Range = `bytes=${offset}-${offset + length - 1}`;
  const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range }), { abortSignal: signal });
  const body = answer.Body as Readable;
  let arrived = 0;
  try {
    checkLength(params, answer.ContentRange);
    // Events rather than an iterator: that one costs a promise for each of the many chunks.
    body.on('data', (chunk: Uint8Array) => {
      arrived += chunk.byteLength;
      if (arrived > length) return void body.destroy(brokenTransfer(params, 'sent more than was asked for'));
      onAlive();
      onChunk(chunk);
    });
    await finished(body, { signal });
  } finally {
    // An answer that is not read to its end would keep its connection.
    if (arrived < length) body.destroy();
  }
  if (arrived === length) return;
  const where = `${arrived} bytes into a part of ${length} at ${offset} of ${objectBytes}`;
  throw brokenTransfer(params, `broke off ${where}`);
}

function checkLength({ bucket, key, objectBytes, offset }: FetchRangeParams, contentRange: string | undefined): void {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? '') ?? [];
  if (Number(start) !== offset) {
    throw new FunctionError('unavailable', `The server at ${s3Uri(bucket, key)} does not serve ranges.`);
  }
  if (Number(total) === objectBytes) return;
  const problem = `has ${total} bytes, and the manifest says ${objectBytes}`;
  throw new FunctionError('model_corrupt', `${s3Uri(bucket, key)} ${problem}: push the bundle again.`);
}

function brokenTransfer({ bucket, key }: FetchRangeParams, problem: string): FunctionError {
  const message = `The connection for ${s3Uri(bucket, key)} ${problem}, several times over: try again later.`;
  return new FunctionError('unavailable', message, { isRetryable: true });
}
