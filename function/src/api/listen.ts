import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FunctionError } from '../errors.ts';

/** Slow senders are cut off: headers, then the whole request. Answers may take as long as they need. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** How long requests in flight may go on after `close`. */
const CLOSE_GRACE_MS = 5_000;
const CLOSE_IDLE_EVERY_MS = 50;

export interface ListeningServer {
  /** Where to reach it from this machine; no trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, lets requests in flight finish for a few seconds, then cuts them off. */
  close(): Promise<void>;
}

const listenError = (cause: unknown, { host, port }: { host: string; port: number }): unknown => {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE')
    return new FunctionError('unavailable', `Port ${port} is in use already: choose another with --port`, {
      cause,
    });
  if (code === 'EACCES')
    return new FunctionError('unavailable', `Port ${port} needs more rights: choose one above 1023 with --port`, {
      cause,
    });
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new FunctionError('unavailable', `This machine has no address ${host}: choose another with --host`, {
      cause,
    });
  return cause;
};

const urlOf = ({ address, family, port }: AddressInfo): string => {
  // An unspecified address is not one to connect to.
  const host = address === '::' || address === '0.0.0.0' ? 'localhost' : address;
  return `http://${family === 'IPv6' && host !== 'localhost' ? `[${host}]` : host}:${port}`;
};

/** Binds the server. @throws FunctionError `unavailable` naming the port or host that cannot be had. */
export const listen = async (server: Server, options: { host: string; port: number }): Promise<ListeningServer> => {
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.listen({ host: options.host.replace(/^\[(.*)\]$/, '$1'), port: options.port });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, options);
  }
  const address = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const done = once(server, 'close');
    server.close();
    // Connections whose answer ends only now would be kept alive for the next request.
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
    const overdue = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    await done;
    clearInterval(idle);
    clearTimeout(overdue);
  };
  return {
    url: urlOf(address),
    port: address.port,
    close() {
      closed ??= close();
      return closed;
    },
  };
};
