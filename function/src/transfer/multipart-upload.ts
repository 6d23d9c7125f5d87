import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type ListPartsCommandOutput,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { FileEntry } from '../bundle/file-entry.ts';
import { FunctionError } from '../errors.ts';
import type { FilePart } from './plan-parts.ts';
import { fingerprintMetadata, hasRemoteCopy, toBase64 } from './remote-copy.ts';
import { s3Uri } from './s3-location.ts';

export interface MultipartUploadParams {
  client: S3Client;
  bucket: string;
  key: string;
  entry: FileEntry;
  parts: readonly FilePart[];
  signal: AbortSignal;
}

/** A file on its way to S3 in parts; S3 shows it once it is completed. */
export interface MultipartUpload {
  /** Whether an earlier push has brought the part there. */
  holds(part: FilePart): boolean;
  upload(part: FilePart, data: Uint8Array, signal: AbortSignal): Promise<void>;
  complete(signal: AbortSignal): Promise<void>;
}

interface UploadedPart {
  etag: string;
  checksum: string;
}

/** Continues the upload that an earlier push left unfinished, if it was of the same bytes, or begins a new one. */
export async function openMultipartUpload(params: MultipartUploadParams): Promise<MultipartUpload> {
  const { client, bucket, key } = params;
  const uploaded = new Map<number, UploadedPart>();
  const UploadId = (await findUnfinished(params, uploaded)) ?? (await begin(params));
  const target = { Bucket: bucket, Key: key, UploadId };

  /** An upload that is gone was completed, by another push of the same bytes or a try whose answer was lost, or given up. */
  const unlessOver = async <Answer>(request: () => Promise<Answer>): Promise<Answer | undefined> => {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'NoSuchUpload') throw error;
      if (await hasRemoteCopy(params)) return undefined;
      const message = `The upload to ${s3Uri(bucket, key)} was given up by someone else: push again.`;
      throw new FunctionError('conflict', message);
    }
  };

  return {
    holds: (part) => uploaded.has(part.index + 1),
    async upload(part, data, signal) {
      const checksum = toBase64(part.crc32);
      const PartNumber = part.index + 1;
      const command = new UploadPartCommand({ ...target, PartNumber, Body: data, ChecksumCRC32: checksum });
      const answer = await unlessOver(() => client.send(command, { abortSignal: signal }));
      uploaded.set(PartNumber, { etag: answer?.ETag ?? '', checksum });
    },
    async complete(signal) {
      const Parts = [...uploaded]
        .sort(([a], [b]) => a - b)
        .map(([PartNumber, { etag, checksum }]) => ({ PartNumber, ETag: etag, ChecksumCRC32: checksum }));
      const command = new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } });
      await unlessOver(() => client.send(command, { abortSignal: signal }));
    },
  };
}

async function begin({ client, bucket, key, entry, signal }: MultipartUploadParams): Promise<string | undefined> {
  const command = new CreateMultipartUploadCommand({
    Bucket: bucket,
    Key: key,
    ChecksumAlgorithm: 'CRC32',
    ChecksumType: 'COMPOSITE',
    Metadata: fingerprintMetadata(entry),
  });
  return (await client.send(command, { abortSignal: signal })).UploadId;
}

/** Uploads of other bytes under the same key are given up: nobody can complete them any more. */
async function findUnfinished(
  params: MultipartUploadParams,
  uploaded: Map<number, UploadedPart>,
): Promise<string | undefined> {
  const { client, bucket, key, signal } = params;
  // One page, of up to a thousand uploads of this one key.
  const list = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key });
  const { Uploads = [] } = await client.send(list, { abortSignal: signal });
  let found: string | undefined;
  for (const { Key, UploadId } of Uploads) {
    if (Key !== key || UploadId === undefined) continue;
    const parts = await listMatching(params, UploadId);
    if (parts !== undefined) {
      if (parts.size <= uploaded.size) continue;
      found = UploadId;
      uploaded.clear();
      for (const [number, part] of parts) uploaded.set(number, part);
      continue;
    }
    const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId });
    await client.send(command, { abortSignal: signal });
  }
  return found;
}

/** The parts of an upload, or undefined if one of them is not the file's. */
async function listMatching(
  { client, bucket, key, parts, signal }: MultipartUploadParams,
  UploadId: string,
): Promise<Map<number, UploadedPart> | undefined> {
  const matching = new Map<number, UploadedPart>();
  // Not the client's paginator: it goes by the marker, which S3 sends on the last page too.
  for (let marker: string | undefined = '0'; marker !== undefined; ) {
    const list = new ListPartsCommand({ Bucket: bucket, Key: key, UploadId, PartNumberMarker: marker });
    const page: ListPartsCommandOutput = await client.send(list, { abortSignal: signal });
    for (const { PartNumber = 0, ETag: etag = '', ChecksumCRC32: checksum = '' } of page.Parts ?? []) {
      const expected = parts[PartNumber - 1]?.crc32;
      if (expected === undefined || checksum !== toBase64(expected)) return undefined;
      matching.set(PartNumber, { etag, checksum });
    }
    marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  }
  return matching;
}
