import type { IncomingMessage, ServerResponse } from 'node:http';
import { FunctionError } from '../errors.ts';
import { createApiDocument } from './docs/document.ts';
import { renderPage } from './docs/render-page.ts';
import { pageStyle } from './docs/style.ts';
import { createSecurityHeaders } from './page-headers.ts';

/** Hands out what the API is: nobody has to sign in for it. */
export interface Docs {
  /** Whether a path is one of these. */
  has(pathname: string): boolean;
  /** @throws FunctionError `invalid_input` for methods other than GET and HEAD. */
  serve(request: IncomingMessage, response: ServerResponse, pathname: string): void;
}

export interface DocsOptions {
  version: string;
  /** How callers reach the server, where a proxy stands before it. */
  publicUrl?: string | undefined;
}

/** `/openapi.json`, and a page about it at `/docs`; made when first asked for. */
export const createDocs = ({ version, publicUrl }: DocsOptions): Docs => {
  const securityHeaders = createSecurityHeaders();
  let files: ReadonlyMap<string, { contentType: string; body: string }> | undefined;
  const readFiles = () => {
    const document = createApiDocument(publicUrl ?? '/', version);
    return new Map([
      ['/openapi.json', { contentType: 'application/json', body: JSON.stringify(document) }],
      ['/docs', { contentType: 'text/html; charset=utf-8', body: renderPage(document) }],
      ['/docs.css', { contentType: 'text/css; charset=utf-8', body: pageStyle }],
    ]);
  };
  return {
    has: (pathname) => PATHS.has(pathname),
    serve(request, response, pathname) {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        throw new FunctionError('invalid_input', 'This can only be read: use GET or HEAD');
      files ??= readFiles();
      const file = files.get(pathname);
      if (file === undefined) throw new FunctionError('not_found', 'There is nothing at this path');
      for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
      response.writeHead(200, {
        'content-type': file.contentType,
        'content-length': Buffer.byteLength(file.body),
        'cache-control': 'no-cache',
      });
      response.end(request.method === 'HEAD' ? undefined : file.body);
    },
  };
};

const PATHS: ReadonlySet<string> = new Set(['/openapi.json', '/docs', '/docs.css']);
