import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { FunctionError } from '../errors.ts';
import { ASSETS_PREFIX, createSecurityHeaders, type PageFileHeaders, pageFileHeaders } from './page-headers.ts';

/** Where `npm run playground` builds it; the same place seen from the sources and from the package. */
const builtPlaygroundDir = fileURLToPath(new URL('../../dist/playground/', import.meta.url));

const NOT_BUILT = `Safelight is running, and its API is at /trpc/; /docs describes it.

The playground is not built. In a clone of the repository, build it with

    npm run playground

and load this page again.
`;

interface PlaygroundFile {
  body: Buffer;
  gzipped: Buffer;
  headers: Readonly<Record<string, string>>;
}

/** Hands out the playground: static files, for which nobody has to sign in. */
export interface Playground {
  /** Whether the path is one of the playground's, for the log. */
  has(pathname: string): boolean;
  /** @throws FunctionError `not_found`; `invalid_input` for methods other than GET and HEAD. */
  serve(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void>;
}

export interface PlaygroundOptions {
  /** @defaultValue where `npm run playground` builds it */
  playgroundDir?: string | undefined;
  /** How callers reach the server, where a proxy stands before it: pictures come from there. */
  publicUrl?: string | undefined;
}

/** The files are read when first asked for, and kept: they are few and small. Only what was found then is ever served. */
export const createPlayground = ({ playgroundDir = builtPlaygroundDir, publicUrl }: PlaygroundOptions): Playground => {
  const securityHeaders = createSecurityHeaders(originOf(publicUrl));
  let files: ReadonlyMap<string, PlaygroundFile> | undefined;

  return {
    has: (pathname) => pathname === '/' || pathname.startsWith(ASSETS_PREFIX) || files?.has(pathname) === true,
    async serve(request, response, pathname) {
      files ??= await readPlayground(playgroundDir);
      const file = files?.get(pathname);
      if (file === undefined && (pathname !== '/' || files !== undefined)) throw notFound();
      if (request.method !== 'GET' && request.method !== 'HEAD')
        throw new FunctionError('invalid_input', 'The playground can only be read: use GET or HEAD');
      for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
      if (file === undefined) {
        response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
        response.end(request.method === 'HEAD' ? undefined : NOT_BUILT);
        return;
      }
      sendFile(request, response, file);
    },
  };
};

const originOf = (url: string | undefined): string | undefined =>
  url !== undefined && URL.canParse(url) ? new URL(url).origin : undefined;

const notFound = () => new FunctionError('not_found', 'There is nothing at this path: the API is at /trpc/');

const sendFile = (request: IncomingMessage, response: ServerResponse, file: PlaygroundFile): void => {
  const { etag } = file.headers;
  if (etag !== undefined && request.headers['if-none-match'] === etag) {
    response.writeHead(304, file.headers).end();
    return;
  }
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(String(request.headers['accept-encoding'] ?? ''));
  const body = takesGzip ? file.gzipped : file.body;
  if (takesGzip) response.setHeader('content-encoding', 'gzip');
  response.writeHead(200, { ...file.headers, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
};

/** Every file by its path, with `/` for the page. @returns `undefined` where the playground is not built. */
const readPlayground = async (folder: string): Promise<ReadonlyMap<string, PlaygroundFile> | undefined> => {
  const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
  if (!names.includes('index.html')) return undefined;
  const files = new Map<string, PlaygroundFile>();
  for (const name of names) {
    const pathname = `/${name.split(sep).join('/')}`;
    const headers = pageFileHeaders(pathname);
    if (headers === undefined) continue;
    const file = describeFile(headers, await readFile(join(folder, name)));
    files.set(pathname === '/index.html' ? '/' : pathname, file);
  }
  return files;
};

const describeFile = (pageHeaders: PageFileHeaders, body: Buffer): PlaygroundFile => {
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  return { body, gzipped: gzipSync(body), headers: { ...pageHeaders, etag, vary: 'accept-encoding' } };
};
