/**
 * A small S3 in this process, for tests: what the AWS SDK's client needs of it (path-style addresses), the refusals that
 * the emulators do not make (412, a checksum that does not match, parts that are too small, presigned URLs that were
 * changed or whose time is over), and faults on demand.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { answerCors, type CorsRule } from './s3-cors.ts';
import { answerMultipart, type MultipartUpload } from './s3-multipart.ts';
import { checkedChecksums, metadataOf, objectOf, S3Failure, type StoredObject, xml } from './s3-object.ts';
import { checkPresignedUrl } from './s3-signature.ts';

export interface S3Request {
  method: string;
  bucket: string;
  key: string;
  query: URLSearchParams;
  range: string | undefined;
  headers: IncomingMessage['headers'];
}

export interface Fault {
  /** Answer with this instead. */
  status?: number;
  code?: string;
  latencyMs?: number;
  /** Answer no sooner than this settles. */
  until?: Promise<unknown>;
  /** Close the connection after so many bytes of the body. */
  cutAfterBytes?: number;
  /** Send other bytes of the same length. */
  isCorrupt?: boolean;
  /** So many bytes, then a pause, until the body is through. */
  trickle?: { bytes: number; everyMs: number };
  /** All answers that this is injected into share a line of this rate. */
  bytesPerSecond?: number;
}

/** When the line of such a fault is free again. */
const freeAt = new WeakMap<Fault, number>();
const PACED_BYTES = 16 << 10;

export interface S3Server {
  endpoint: string;
  /** By `bucket/key`. */
  objects: Map<string, StoredObject>;
  uploads: Map<string, MultipartUpload>;
  requests: S3Request[];
  /** How many requests matched. */
  count(matches: (request: S3Request) => boolean): number;
  /** Makes the next `times` matching requests go wrong; always, if it is left out. */
  inject(fault: Fault, matches: (request: S3Request) => boolean, times?: number): void;
  put(path: string, body: Uint8Array): void;
  /** Of all buckets, from now on; at first no page of another address may read or write. */
  setCors(rules: readonly CorsRule[]): void;
  client(options?: { accessKeyId?: string }): S3Client;
  close(): Promise<void>;
}

export interface S3ServerOptions {
  buckets?: string[];
  /** S3's own is 5 MiB. */
  minPartBytes?: number;
  /** The clock that presigned URLs expire by. */
  now?: () => number;
}

export const ACCESS_KEY_ID = 'AKIATESTTESTTESTTEST';
const SECRET_ACCESS_KEY = 'a-secret-that-no-message-may-show';

export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const { buckets = ['models'], minPartBytes = 5 << 20, now = Date.now } = options;
  const objects = new Map<string, StoredObject>();
  const uploads = new Map<string, MultipartUpload>();
  const requests: S3Request[] = [];
  const faults: { fault: Fault; matches: (request: S3Request) => boolean; left: number }[] = [];
  const clients: S3Client[] = [];
  let cors: readonly CorsRule[] = [];

  const server = createServer((incoming, response) => {
    const request = parseRequest(incoming);
    requests.push(request);
    if (answerCors(cors, incoming, response)) return;
    const rule = faults.find((candidate) => candidate.left > 0 && candidate.matches(request));
    if (rule !== undefined) rule.left -= 1;
    respond(incoming, response, request, rule?.fault ?? {}).catch((error: unknown) => {
      if (!(error instanceof S3Failure)) return response.destroy();
      response.writeHead(error.status, { 'content-type': 'application/xml', 'x-amz-request-id': 'TESTREQUEST' });
      // S3 says the bucket's name, and the key, in its answers.
      response.end(request.method === 'HEAD' ? undefined : xml('Error', `<Code>${error.code}</Code>`));
    });
  });

  async function respond(incoming: IncomingMessage, response: ServerResponse, request: S3Request, fault: Fault) {
    const body = decodeBody(await readBody(incoming), incoming.headers);
    await fault.until;
    if (fault.latencyMs !== undefined) await delay(fault.latencyMs, undefined, { ref: false });
    refuse(request, fault, incoming.url ?? '/');
    const answer = answerMultipart({ request, body, uploads, store, minPartBytes });
    if (answer !== undefined)
      return void response.writeHead(answer.status ?? 200, answer.headers ?? {}).end(answer.body);
    if (request.method === 'PUT') return putObject(request, response, body);
    if (request.method === 'DELETE') {
      objects.delete(`${request.bucket}/${request.key}`);
      return void response.writeHead(204).end();
    }
    if (request.query.get('list-type') === '2') return listObjects(request, response);
    await getObject(request, response, fault);
  }

  function refuse(request: S3Request, fault: Fault, url: string): void {
    if (fault.status !== undefined) throw new S3Failure(fault.status, fault.code ?? 'InternalError');
    const { method, headers } = request;
    if (!request.query.has('X-Amz-Signature')) checkSignature(request);
    else checkPresignedUrl({ method, url, headers, secretAccessKey: SECRET_ACCESS_KEY, now: now() });
    if (!buckets.includes(request.bucket)) throw new S3Failure(404, 'NoSuchBucket');
  }

  function putObject(request: S3Request, response: ServerResponse, body: Buffer): void {
    const checksums = checkedChecksums(request.headers, body);
    const object = objectOf(body, metadataOf(request.headers), checksums);
    object.contentType = request.headers['content-type'] ?? object.contentType;
    const cacheControl = request.headers['cache-control'];
    if (cacheControl !== undefined) object.cacheControl = cacheControl;
    store(request, object);
    response.writeHead(200, { etag: object.etag }).end();
  }

  function store(request: S3Request, object: StoredObject): void {
    const path = `${request.bucket}/${request.key}`;
    if (request.headers['if-none-match'] === '*' && objects.has(path)) throw new S3Failure(412, 'PreconditionFailed');
    objects.set(path, object);
  }

  async function getObject(request: S3Request, response: ServerResponse, fault: Fault): Promise<void> {
    const object = objects.get(`${request.bucket}/${request.key}`);
    if (object === undefined) throw new S3Failure(404, 'NoSuchKey');
    const { body, etag, checksums, metadata } = object;
    const [start, end] = parseRange(request.range, body.length);
    const headers: Record<string, string | number> = { etag, 'content-length': end - start, 'accept-ranges': 'bytes' };
    headers['content-type'] = request.query.get('response-content-type') ?? object.contentType;
    if (object.cacheControl !== undefined) headers['cache-control'] = object.cacheControl;
    // Long ago: browsers then show a picture from their cache, as one of yesterday.
    headers['last-modified'] = new Date(0).toUTCString();
    for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
    if (request.range !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${body.length}`;
    else if (request.headers['x-amz-checksum-mode'] !== undefined) Object.assign(headers, checksums);
    response.writeHead(request.range === undefined ? 200 : 206, headers);
    if (request.method === 'HEAD') return void response.end();
    await send(response, body.subarray(start, end), fault);
  }

  function listObjects(request: S3Request, response: ServerResponse): void {
    const prefix = `${request.bucket}/${request.query.get('prefix') ?? ''}`;
    const after = request.query.get('continuation-token') ?? '';
    const limit = Number(request.query.get('max-keys') ?? 1000);
    const keys = [...objects.keys()].filter((path) => path.startsWith(prefix) && path > after).sort();
    const page = keys.slice(0, limit);
    const contents = page.map((path) => {
      const { body, etag } = objects.get(path) as StoredObject;
      const key = path.slice(request.bucket.length + 1);
      return `<Contents><Key>${key}</Key><Size>${body.length}</Size><ETag>${etag}</ETag></Contents>`;
    });
    const next = keys.length > limit ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    const more = `<KeyCount>${page.length}</KeyCount><IsTruncated>${next !== ''}</IsTruncated>${next}`;
    response.end(xml('ListBucketResult', contents.join('') + more));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint,
    objects,
    uploads,
    requests,
    count: (matches) => requests.filter(matches).length,
    inject: (fault, matches, times = Number.POSITIVE_INFINITY) => void faults.push({ fault, matches, left: times }),
    put: (path, body) => void objects.set(path, objectOf(Buffer.from(body))),
    setCors(rules) {
      cors = rules;
    },
    client({ accessKeyId = ACCESS_KEY_ID } = {}) {
      const credentials = { accessKeyId, secretAccessKey: SECRET_ACCESS_KEY };
      const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials, maxAttempts: 1 });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function parseRequest(incoming: IncomingMessage): S3Request {
  const url = new URL(incoming.url ?? '/', 'http://s3');
  const [bucket = '', ...rest] = decodeURIComponent(url.pathname.slice(1)).split('/');
  const { method = 'GET', headers } = incoming;
  return { method, bucket, key: rest.join('/'), query: url.searchParams, range: headers.range, headers };
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function checkSignature({ headers }: S3Request): void {
  const authorization = headers.authorization ?? '';
  if (!authorization.startsWith('AWS4-HMAC-SHA256 ')) throw new S3Failure(403, 'AccessDenied');
  if (!authorization.includes(`Credential=${ACCESS_KEY_ID}/`)) throw new S3Failure(403, 'InvalidAccessKeyId');
}

/** Takes the framing off a body that the client signed chunk by chunk. */
function decodeBody(body: Buffer, headers: IncomingMessage['headers']): Buffer {
  if (!headers['content-encoding']?.includes('aws-chunked')) return body;
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < body.length; ) {
    const lineEnd = body.indexOf('\r\n', offset);
    const length = Number.parseInt(body.toString('latin1', offset, lineEnd), 16);
    if (!(length > 0)) break;
    chunks.push(body.subarray(lineEnd + 2, lineEnd + 2 + length));
    offset = lineEnd + 2 + length + 2;
  }
  return Buffer.concat(chunks);
}

/** [start, end) of `bytes=a-b`; the whole where no range was asked for. */
function parseRange(range: string | undefined, length: number): [number, number] {
  if (range === undefined) return [0, length];
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const start = Number(first);
  if (!(start < length)) throw new S3Failure(416, 'InvalidRange');
  return [start, last === '' ? length : Math.min(Number(last) + 1, length)];
}

async function send(response: ServerResponse, body: Buffer, fault: Fault): Promise<void> {
  const sent = fault.isCorrupt === true ? Buffer.from(body).fill(0x55, 0, Math.min(body.length, 64)) : body;
  if (fault.cutAfterBytes !== undefined) {
    await new Promise<void>((resolve) => response.write(sent.subarray(0, fault.cutAfterBytes), () => resolve()));
    response.destroy();
    return;
  }
  if (fault.bytesPerSecond !== undefined) return sendPaced(response, sent, fault, fault.bytesPerSecond);
  if (fault.trickle !== undefined) {
    const { bytes, everyMs } = fault.trickle;
    for (let offset = 0; offset < sent.length && !response.destroyed; offset += bytes) {
      response.write(sent.subarray(offset, offset + bytes));
      await delay(everyMs);
    }
  }
  response.end(fault.trickle === undefined ? sent : undefined);
}

async function sendPaced(response: ServerResponse, body: Buffer, line: Fault, bytesPerSecond: number): Promise<void> {
  for (let offset = 0; offset < body.length && !response.destroyed; offset += PACED_BYTES) {
    const chunk = body.subarray(offset, offset + PACED_BYTES);
    const now = performance.now();
    const arrivesAt = Math.max(freeAt.get(line) ?? 0, now) + (chunk.length / bytesPerSecond) * 1000;
    freeAt.set(line, arrivesAt);
    await delay(arrivesAt - now);
    response.write(chunk);
  }
  response.end();
}
