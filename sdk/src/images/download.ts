import type { Connection } from '../connection.ts';
import { ConnectionError } from '../errors/connection-error.ts';
import { errorFromServer } from '../errors/from-server.ts';
import { InvalidResponseError } from '../errors/invalid-response-error.ts';
import { SafelightError } from '../errors/safelight-error.ts';
import { TimeoutError } from '../errors/timeout-error.ts';
import { withoutSecrets } from '../errors/without-secrets.ts';
import type { ResultImage } from '../job-types.ts';
import { raceAbort } from '../timing/race-abort.ts';
import { openScope } from '../timing/scope.ts';
import { parseRetryAfter } from '../transport/retry-after.ts';
import { sha256 } from './sha256.ts';

/**
 * One download by the image's signed URL, checked against its record. The URL is no part of any error.
 *
 * The key is not sent: the URL's signature is all that a storage service wants, and the service may be another's.
 */
export async function download(connection: Connection, image: ResultImage, signal: AbortSignal): Promise<ArrayBuffer> {
  const { clock, options } = connection;
  const name = `image ${image.index} of job ${image.jobId}`;
  const scope = openScope({
    clock,
    parents: [signal],
    timeoutMs: options.downloadTimeoutMs,
    timeoutError: () =>
      new TimeoutError(`The download of ${name} took longer than ${options.downloadTimeoutMs} ms`, {
        code: 'request_timeout',
        jobId: image.jobId,
      }),
  });
  try {
    const url = new URL(image.url, options.endpoint).href;
    const response = await raceAbort(options.fetch(url, { signal: scope.signal }), scope.signal);
    if (!response.ok) {
      throw errorFromServer({
        path: `the download of ${name}`,
        status: response.status,
        jobId: image.jobId,
        retryAfterMs: parseRetryAfter(response.headers, clock.now()),
      });
    }
    const data = await raceAbort(response.arrayBuffer(), scope.signal);
    await checkData(data, image, name);
    return data;
  } catch (cause) {
    scope.signal.throwIfAborted();
    if (SafelightError.isInstance(cause)) throw cause;
    throw new ConnectionError(`Could not download ${name}`, { jobId: image.jobId, cause: withoutSecrets(cause) });
  } finally {
    scope.close();
  }
}

/** A proxy may cut a file short or answer with a page of its own: worth another try, so this is retryable. */
async function checkData(data: ArrayBuffer, image: ResultImage, name: string): Promise<void> {
  const hash = data.byteLength === image.bytes ? await sha256(data) : 'of another length';
  if (hash === undefined || hash === image.sha256.toLowerCase()) return;
  const message = `The data of ${name} is not what the server made: its length or SHA-256 differs`;
  throw new InvalidResponseError(message, { isRetryable: true, jobId: image.jobId });
}
