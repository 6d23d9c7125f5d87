/** What the S3 of the tests stores, and how it refuses. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';

export interface StoredObject {
  body: Buffer;
  etag: string;
  /** As S3 reports them, by header: base64, with `-<parts>` where the object came in parts. */
  checksums: Record<string, string>;
  metadata: Record<string, string>;
  contentType: string;
  cacheControl?: string;
}

export class S3Failure extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

export const CRC32_HEADER = 'x-amz-checksum-crc32';

export function crc32Bytes(data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(data));
  return bytes;
}

const checksumsOf: Record<string, (data: Uint8Array) => Buffer> = {
  [CRC32_HEADER]: crc32Bytes,
  'x-amz-checksum-sha256': (data) => createHash('sha256').update(data).digest(),
};

export const etagOf = (data: Uint8Array): string => `"${createHash('md5').update(data).digest('hex')}"`;

export function objectOf(body: Buffer, metadata = {}, checksums = {}): StoredObject {
  return { body, etag: etagOf(body), checksums, metadata, contentType: 'application/octet-stream' };
}

export function xml(name: string, content: string): string {
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="${namespace}">${content}</${name}>`;
}

/** The checksums that came with a body, which must be right. */
export function checkedChecksums(headers: IncomingHttpHeaders, body: Buffer): Record<string, string> {
  const claimed = Object.entries(headers).filter(([name]) => Object.hasOwn(checksumsOf, name));
  for (const [name, value] of claimed) {
    if (value !== checksumsOf[name]?.(body).toString('base64')) throw new S3Failure(400, 'BadDigest');
  }
  return Object.fromEntries(claimed) as Record<string, string>;
}

export function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const prefix = 'x-amz-meta-';
  const entries = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), String(value)]));
}
