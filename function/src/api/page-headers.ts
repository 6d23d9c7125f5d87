/**
 * What pages are sent with, by this server and by the deployment on AWS. Nothing but texts, so that the CDK app can import
 * it.
 */
import { extname } from 'node:path';

/** Files below it carry a hash of their content in their names. */
export const ASSETS_PREFIX = '/assets/';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

/**
 * Headers of the pages: nothing runs in them, and nothing is loaded into them, but what their own server hands out.
 * @param picturesOrigin where pictures are loaded from and uploads sent to, where that is another address
 */
export const createSecurityHeaders = (picturesOrigin?: string) => {
  const origins = picturesOrigin === undefined ? '' : ` ${picturesOrigin}`;
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self'${origins} blob:`,
    `connect-src 'self'${origins}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  } as const;
};

/** How a file of the playground is sent. */
export interface PageFileHeaders {
  'content-type': string;
  /** The page is asked for each time; what carries a hash in its name is kept for good. */
  'cache-control': string;
}

/**
 * @param pathname the file's path, from the playground's folder: `/index.html`
 * @returns `undefined` for what lies in the folder and is none of the playground's files.
 */
export const pageFileHeaders = (pathname: string): PageFileHeaders | undefined => {
  const contentType = CONTENT_TYPES[extname(pathname)];
  if (contentType === undefined) return undefined;
  const isImmutable = pathname.startsWith(ASSETS_PREFIX);
  return {
    'content-type': contentType,
    'cache-control': isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
};
