import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { crc32Hex, type FileEntry } from '../bundle/file-entry.ts';
import { FunctionError } from '../errors.ts';
import { openMultipartUpload } from './multipart-upload.ts';
import { type FilePart, planParts } from './plan-parts.ts';
import { fingerprintMetadata, toBase64 } from './remote-copy.ts';

export interface OutgoingFileParams {
  client: S3Client;
  bucket: string;
  key: string;
  folder: string;
  name: string;
  entry: FileEntry;
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
  const { client, bucket, key, name, entry } = params;
  const planned = planParts(name, entry);
  const nothing = { file: name, index: 0, count: 1, offset: 0, length: 0, crc32: crc32Hex(new Uint8Array()) };
  const parts = planned.length > 0 ? planned : [nothing];
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
      const found = crc32Hex(data);
      if (bytesRead !== part.length || found !== part.crc32) throw damaged(part, found);
      if (multipart !== undefined) return multipart.upload(part, data, signal);
      const ChecksumCRC32 = toBase64(part.crc32);
      const Metadata = fingerprintMetadata(entry);
      const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: data, ChecksumCRC32, Metadata });
      await client.send(command, { abortSignal: signal });
    },
    settle: (part) => missing.delete(part.index) && missing.size === 0,
    complete: async (signal) => multipart?.complete(signal),
    close: () => file.close(),
  };
}

function damaged({ file, index, count, crc32 }: FilePart, found: string): FunctionError {
  const problem = `Part ${index + 1} of ${count} of ${file} is damaged on this machine: its CRC32 is ${found}`;
  return new FunctionError('model_corrupt', `${problem}, it should be ${crc32}. Compile the model again.`);
}
