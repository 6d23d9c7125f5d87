/**
 * A small Hugging Face hub in this process: it describes files, redirects to a second host that serves them, and refuses
 * as the real one does.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'c0ffee'.padEnd(40, '0');
export const TOKEN = 'hf_a_token_that_no_other_host_may_see';

export interface HubServer {
  endpoint: string;
  /** Headers of each request to the host that serves the files. */
  fileRequests: IncomingHttpHeaders[];
  /** Answers of the file host, in order; when none is left it serves the file. */
  next: ((request: IncomingMessage, response: ServerResponse, data: Buffer) => void)[];
  close(): Promise<void>;
}

/** `gated/…` needs the token, `private/…` shows itself to nobody. */
export async function startHubServer(files: Record<string, Buffer>): Promise<HubServer> {
  const fileRequests: IncomingHttpHeaders[] = [];
  const next: HubServer['next'] = [];

  const fileHost = createServer((request, response) => {
    fileRequests.push(request.headers);
    const data =
      files[decodeURIComponent(new URL(request.url ?? '', 'http://files').pathname.slice(1))] ?? Buffer.alloc(0);
    const answer = next.shift() ?? serve;
    answer(request, response, data);
  });
  const hub = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://hub');
    if (refuse(request, response, pathname)) return;
    if (pathname.startsWith('/api/')) listFiles(response, pathname, searchParams);
    else describeFile(request, response, pathname);
  });

  function refuse(request: IncomingMessage, response: ServerResponse, pathname: string): boolean {
    const isAllowed = request.headers.authorization === `Bearer ${TOKEN}`;
    if (pathname.startsWith('/private/')) response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
    else if (pathname.startsWith('/gated/') && !isAllowed)
      response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end();
    else if (pathname.startsWith('/old/name'))
      response.writeHead(307, { location: pathname.replace('old', 'new') }).end();
    else return false;
    return true;
  }

  function describeFile(request: IncomingMessage, response: ServerResponse, pathname: string): void {
    const [, revision = '', file = ''] = /^\/.+?\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
    const data = files[decodeURIComponent(file)];
    if (data === undefined || ![COMMIT, 'main'].includes(revision)) {
      return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    }
    if (file.endsWith('.json')) {
      const etag = `"${createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex')}"`;
      response.writeHead(200, { etag, 'content-length': data.length, 'x-repo-commit': COMMIT });
      return void response.end(request.method === 'HEAD' ? undefined : data);
    }
    const location = `http://127.0.0.1:${(fileHost.address() as AddressInfo).port}/${file}?X-Amz-Signature=do-not-show`;
    const etag = `"${createHash('sha256').update(data).digest('hex')}"`;
    const headers = { location, 'x-linked-etag': etag, 'x-linked-size': data.length, 'x-repo-commit': COMMIT };
    response.writeHead(302, headers).end(request.method === 'HEAD' ? undefined : 'Found. Redirecting.');
  }

  function listFiles(response: ServerResponse, pathname: string, query: URLSearchParams): void {
    const names = Object.keys(files);
    const page = query.has('cursor') ? names.slice(1) : names.slice(0, 1);
    const tree = page.map((path) => ({ type: 'file', path, size: files[path]?.length, oid: '0' }));
    const link = query.has('cursor') ? {} : { link: `<${endpoint}${pathname}?recursive=true&cursor=1>; rel="next"` };
    response.writeHead(200, { 'content-type': 'application/json', ...link });
    response.end(JSON.stringify([{ type: 'directory', path: 'unet' }, ...tree]));
  }

  for (const server of [hub, fileHost]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const endpoint = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
  return {
    endpoint,
    fileRequests,
    next,
    async close() {
      for (const server of [hub, fileHost]) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };
}

function serve(request: IncomingMessage, response: ServerResponse, data: Buffer): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const range = { 'content-range': `bytes ${start}-${data.length - 1}/${data.length}` };
  response.writeHead(206, { 'content-length': data.length - start, ...range }).end(data.subarray(start));
}

/** Serves so many bytes, then closes the connection. */
export const cutAfter = (bytes: number) => (request: IncomingMessage, response: ServerResponse, data: Buffer) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(206, { 'content-length': data.length - start });
  response.write(data.subarray(start, start + bytes), () => response.destroy());
};
