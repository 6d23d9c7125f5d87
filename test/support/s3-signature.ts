/** Checks presigned URLs as S3 does: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { S3Failure } from './s3-object.ts';

export interface SignedRequest {
  method: string;
  /** Path and query as they came over the wire. */
  url: string;
  headers: IncomingHttpHeaders;
  secretAccessKey: string;
  /** Epoch milliseconds. */
  now: number;
}

const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** `20260701T120000Z` */
const parseAmzDate = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const canonicalRequest = ({ method, headers }: SignedRequest, { pathname, searchParams }: URL): string => {
  const query = [...searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort();
  const signedHeaders = searchParams.get('X-Amz-SignedHeaders') ?? '';
  const lines = signedHeaders.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim()}\n`);
  return [method, pathname, query.join('&'), lines.join(''), signedHeaders, 'UNSIGNED-PAYLOAD'].join('\n');
};

/** @throws S3Failure 403 where the URL was changed, the headers are not those that were signed, or its time is over. */
export function checkPresignedUrl(request: SignedRequest): void {
  const url = new URL(request.url, 'http://s3');
  const { searchParams } = url;
  const date = searchParams.get('X-Amz-Date') ?? '';
  const scope = (searchParams.get('X-Amz-Credential') ?? '').split('/').slice(1);
  let key = hmac(`AWS4${request.secretAccessKey}`, scope[0] ?? '');
  for (const part of scope.slice(1)) key = hmac(key, part);
  const hash = createHash('sha256').update(canonicalRequest(request, url)).digest('hex');
  const expected = hmac(key, ['AWS4-HMAC-SHA256', date, scope.join('/'), hash].join('\n')).toString('hex');
  if (searchParams.get('X-Amz-Signature') !== expected) throw new S3Failure(403, 'SignatureDoesNotMatch');
  const expiresAt = parseAmzDate(date) + Number(searchParams.get('X-Amz-Expires')) * 1000;
  if (!(request.now < expiresAt)) throw new S3Failure(403, 'AccessDenied');
}
