import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { FileEntry } from '../bundle/file-entry.ts';
import { FunctionError } from '../errors.ts';
import { openMultipartUpload } from './multipart-upload.ts';
import { type FilePart, planParts } from './plan-parts.ts';
import { SHA256_METADATA, toBase64 } from './remote-copy.ts';
import { sha256Hex } from './sha256-hex.ts';

export interface OutgoingFileParams {
  client: S3Client;
  bucket: string;
  key: string;
  folder: string;
  name: string;
  entry: FileEntry;
  /** Length of parts where the manifest lists none. */
  partBytes: number;
  signal: AbortSignal;
}

/** A file of a bundle that is sent part by part; a file of one part, in one request. */
export interface OutgoingFile {
  readonly name: string;
  readonly parts: readonly FilePart[];
  /** Whether an earlier push has brought the part to S3. */
  holds(part: FilePart): boolean;
  /** Reads, checks and sends a part. */
  send(part: FilePart, buffer: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Marks a part as sent, and says whether it was the last. */
  settle(part: FilePart): boolean;
  /** Makes the object visible. */
  complete(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export async function openOutgoingFile(params: OutgoingFileParams): Promise<OutgoingFile> {
  const { client, bucket, key, name, entry, partBytes } = params;
  const planned = planParts(name, entry, partBytes);
  const wholeFile = { file: name, index: 0, count: 1, offset: 0, length: entry.bytes, sha256: entry.sha256 };
  const parts = planned.length > 1 ? planned : [wholeFile];
  const multipart = parts.length > 1 ? await openMultipartUpload({ ...params, parts }) : undefined;
  const missing = new Set(parts.map((part) => part.index));
  const file = await open(join(params.folder, name), 'r');

  return {
    name,
    parts,
    holds: (part) => multipart?.holds(part) ?? false,
    async send(part, buffer, signal) {
      const data = buffer.subarray(0, part.length);
      const { bytesRead } = await file.read(data, 0, part.length, part.offset);
      const sha256 = await sha256Hex(data);
      if (bytesRead !== part.length || (part.sha256 ?? sha256) !== sha256) throw damaged(part, sha256);
      if (multipart !== undefined) return multipart.upload(part, data, sha256, signal);
      const ChecksumSHA256 = toBase64(sha256);
      const Metadata = { [SHA256_METADATA]: sha256 };
      const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: data, ChecksumSHA256, Metadata });
      await client.send(command, { abortSignal: signal });
    },
    settle: (part) => missing.delete(part.index) && missing.size === 0,
    complete: async (signal) => multipart?.complete(signal),
    close: () => file.close(),
  };
}

function damaged({ file, index, count, sha256 }: FilePart, found: string): FunctionError {
  const problem = `Part ${index + 1} of ${count} of ${file} is damaged on this machine: its sha256 is ${found}`;
  return new FunctionError('model_corrupt', `${problem}, it should be ${sha256}. Compile the model again.`);
}
