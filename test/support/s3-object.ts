/** What the S3 of the tests stores, and how it refuses. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface StoredObject {
  body: Buffer;
  etag: string;
  /** As S3 reports it: base64, with `-<parts>` where the object came in parts. */
  checksumSha256: string | undefined;
  metadata: Record<string, string>;
  contentType: string;
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

export const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();
export const etagOf = (data: Uint8Array): string => `"${createHash('md5').update(data).digest('hex')}"`;

export function objectOf(body: Buffer, metadata = {}, checksumSha256?: string): StoredObject {
  return { body, etag: etagOf(body), checksumSha256, metadata, contentType: 'application/octet-stream' };
}

export function xml(name: string, content: string): string {
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="${namespace}">${content}</${name}>`;
}

export function checkedSha256(headers: IncomingHttpHeaders, body: Buffer): string | undefined {
  const claimed = headers['x-amz-checksum-sha256'];
  if (typeof claimed !== 'string') return undefined;
  if (claimed !== sha256(body).toString('base64')) throw new S3Failure(400, 'BadDigest');
  return claimed;
}

export function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const prefix = 'x-amz-meta-';
  const entries = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), String(value)]));
}
