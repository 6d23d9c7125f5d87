import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { FunctionError } from '../errors.ts';
import type { LocalObjectStore } from '../storage/local/local-object-store.ts';

/** A reader that takes nothing for this long is gone. */
const IDLE_TIMEOUT_MS = 60_000;
export const OBJECT_PATH_PREFIX = '/objects/';

const notFound = () => new FunctionError('not_found', 'There is no such object');

/**
 * Hands out an object to whoever has a URL signed for it.
 * @throws FunctionError `forbidden`, `not_found` or `invalid_input`, as long as nothing was sent.
 */
export const serveObject = async (
  request: IncomingMessage,
  response: ServerResponse,
  { objects, url }: { objects: LocalObjectStore; url: URL },
): Promise<void> => {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new FunctionError('invalid_input', 'Objects can only be read: use GET or HEAD');
  // Not decoded: keys consist of characters that need no escape.
  const key = url.pathname.slice(OBJECT_PATH_PREFIX.length);
  const { searchParams } = url;
  objects.verify(key, {
    expires: searchParams.get('expires') ?? '',
    signature: searchParams.get('signature') ?? '',
  });
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
