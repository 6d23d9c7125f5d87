import type { IncomingMessage, ServerResponse } from 'node:http';
import { FunctionError } from '../../errors.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { readStatus } from '../../telemetry/read-status.ts';
import type { ApiServices } from '../api-context.ts';
import type { Authenticate } from '../auth.ts';
import { readBasicAuthorization } from '../compat/a1111/authorization.ts';
import { createSecurityHeaders } from '../page-headers.ts';
import { createLocalStatus } from './local-status.ts';
import { renderStatus } from './render-status.ts';

const HOURS = 24;

/** Says how the server is doing, to whoever has a key where there are keys. */
export interface Operations {
  /** Whether a path is one of these. */
  has(pathname: string): boolean;
  /** @throws FunctionError `unauthorized`; `invalid_input` for methods other than GET and HEAD. */
  serve(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void>;
}

export interface OperationsOptions {
  services: ApiServices;
  authenticate: Authenticate;
  metrics: Metrics;
  now: () => number;
}

/** `/status`, a page for people, and `/metrics`, for Prometheus. */
export const createOperations = ({ services, authenticate, metrics, now }: OperationsOptions): Operations => {
  const securityHeaders = createSecurityHeaders();

  const renderPage = async (owner: string): Promise<string> => {
    const at = now();
    return renderStatus(await readStatus(createLocalStatus(services, owner), { hours: HOURS, now: at }), new Date(at));
  };

  /** Browsers cannot send a bearer key for a page: they ask for a name and a password, which is the key. */
  const signIn = (request: IncomingMessage, response: ServerResponse, pathname: string): string | undefined => {
    try {
      return authenticate(readBasicAuthorization(request.headers.authorization));
    } catch (error) {
      if (pathname !== STATUS || !(error instanceof FunctionError)) throw error;
      const headers = { 'www-authenticate': 'Basic realm="Safelight", charset="UTF-8"', 'cache-control': 'no-store' };
      response.writeHead(401, { ...headers, 'content-type': 'text/plain; charset=utf-8' });
      response.end('Sign in with the API key as the password, and any name.\n');
      return undefined;
    }
  };

  return {
    has: (pathname) => pathname === STATUS || pathname === METRICS,
    async serve(request, response, pathname) {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        throw new FunctionError('invalid_input', 'This can only be read: use GET or HEAD');
      const owner = signIn(request, response, pathname);
      if (owner === undefined) return;
      const isPage = pathname === STATUS;
      const body = isPage ? await renderPage(owner) : await metrics.read();
      for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
      response.writeHead(200, {
        'content-type': isPage ? 'text/html; charset=utf-8' : metrics.contentType,
        'content-length': Buffer.byteLength(body),
        'cache-control': 'no-store',
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    },
  };
};

const STATUS = '/status';
const METRICS = '/metrics';
