import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { FunctionError } from '../errors.ts';
import type { LocalObjectStore } from '../storage/local/local-object-store.ts';
import { contentTypeOf } from '../storage/object-store.ts';

/** A reader that takes nothing for this long is gone. */
const IDLE_TIMEOUT_MS = 60_000;
export const OBJECT_PATH_PREFIX = '/objects/';

const notFound = () => new FunctionError('not_found', 'There is no such object');

export interface ObjectRequest {
  objects: LocalObjectStore;
  url: URL;
}

// Not decoded: keys consist of characters that need no escape.
const keyOf = (url: URL): string => url.pathname.slice(OBJECT_PATH_PREFIX.length);

const signatureOf = ({ searchParams }: URL) => ({
  expires: searchParams.get('expires') ?? '',
  signature: searchParams.get('signature') ?? '',
});

/**
 * Hands out an object, or takes one in, for whoever has a URL signed for it.
 * @throws FunctionError `forbidden`, `not_found`, `invalid_input` or `payload_too_large`, as long as nothing was sent.
 */
export const serveObject = async (
  request: IncomingMessage,
  response: ServerResponse,
  { objects, url }: ObjectRequest,
): Promise<void> => {
  if (request.method === 'PUT') return await receiveObject(request, response, { objects, url });
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new FunctionError('invalid_input', 'Objects are read with GET or HEAD, and sent with PUT');
  const key = keyOf(url);
  objects.verify({ method: 'GET', key }, signatureOf(url));
  const object = await objects.open(key);
  if (object === undefined) throw notFound();
  response.writeHead(200, {
    'content-type': object.contentType,
    'content-length': object.bytes,
    'content-disposition': 'inline',
    'cache-control': 'private',
    'x-content-type-options': 'nosniff',
  });
  if (request.method === 'HEAD') {
    object.stream.destroy();
    response.end();
    return;
  }
  response.setTimeout(IDLE_TIMEOUT_MS, () => response.destroy());
  await pipeline(object.stream, response);
};

const notAnnounced = () =>
  new FunctionError(
    'invalid_input',
    'This is not the file that uploads.create was asked about: its size or SHA-256 differs',
  );

/** Reads a body that must have this length; stops reading as soon as it is longer. */
const readBody = async (request: IncomingMessage, bytes: number): Promise<Uint8Array> => {
  const announced = request.headers['content-length'];
  if (announced !== undefined && Number(announced) !== bytes) throw notAnnounced();
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    received += chunk.length;
    if (received > bytes) throw notAnnounced();
    chunks.push(chunk);
  }
  if (received !== bytes) throw notAnnounced();
  return Buffer.concat(chunks);
};

/** Takes in the very file that the URL was signed for. Sending it again is fine. */
const receiveObject = async (
  request: IncomingMessage,
  response: ServerResponse,
  { objects, url }: ObjectRequest,
): Promise<void> => {
  const key = keyOf(url);
  const bytes = Number(url.searchParams.get('bytes'));
  const sha256 = url.searchParams.get('sha256') ?? '';
  objects.verify({ method: 'PUT', key, bytes, sha256 }, signatureOf(url));
  const contentType = contentTypeOf(key);
  if (request.headers['content-type'] !== contentType)
    throw new FunctionError('invalid_input', `Send this file with content-type: ${contentType}`);
  const data = await readBody(request, bytes);
  if (createHash('sha256').update(data).digest('hex') !== sha256) throw notAnnounced();
  await objects.put(key, data, { contentType });
  response.writeHead(200, { 'content-length': 0 }).end();
};
