import type { Connection } from '../connection.ts';
import { ConnectionError } from '../errors/connection-error.ts';
import { SafelightError } from '../errors/safelight-error.ts';
import { TimeoutError } from '../errors/timeout-error.ts';
import { withoutSecrets } from '../errors/without-secrets.ts';
import { raceAbort } from '../timing/race-abort.ts';
import { openScope } from '../timing/scope.ts';
import { readErrorResponse } from './read-error-response.ts';

/** A file to be read or sent. */
export interface Transfer {
  /** What it is, for errors, which never name the URL. */
  name: string;
  /** Relative ones start at the endpoint. */
  url: string | URL;
  init?: RequestInit;
  jobId?: string | undefined;
}

/**
 * Moves a file once, within the time for downloads. The API key is not sent: a URL's signature is all that a storage
 * service wants, and the service may be another's.
 */
export async function transfer<T>(
  { clock, options }: Connection,
  { name, url, init, jobId }: Transfer,
  signal: AbortSignal,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const scope = openScope({
    clock,
    parents: [signal],
    timeoutMs: options.transferTimeoutMs,
    timeoutError: () =>
      new TimeoutError(`${name} took longer than ${options.transferTimeoutMs} ms`, { code: 'request_timeout', jobId }),
  });
  const move = async () => {
    const response = await options.fetch(new URL(url, options.endpoint).href, { ...init, signal: scope.signal });
    if (!response.ok) throw await readErrorResponse(response, { path: name, jobId }, clock.now());
    return read(response);
  };
  try {
    return await raceAbort(move(), scope.signal);
  } catch (cause) {
    scope.signal.throwIfAborted();
    if (SafelightError.isInstance(cause)) throw cause;
    throw new ConnectionError(`${name} failed: the connection broke`, { jobId, cause: withoutSecrets(cause) });
  } finally {
    scope.close();
  }
}
