import type { Connection } from '../connection.ts';
import { InvalidResponseError } from '../errors/invalid-response-error.ts';
import type { ResultImage } from '../job-types.ts';
import { transfer } from '../transport/transfer.ts';
import { sha256 } from './sha256.ts';

/** One download by the image's signed URL, checked against its record. */
export async function download(connection: Connection, image: ResultImage, signal: AbortSignal): Promise<ArrayBuffer> {
  const { jobId, url } = image;
  const name = `The download of image ${image.index} of job ${jobId}`;
  return transfer(connection, { name, url, jobId }, signal, async (response) => {
    const data = await response.arrayBuffer();
    await checkData(data, image, name);
    return data;
  });
}

/** A proxy may cut a file short or answer with a page of its own: worth another try, so this is retryable. */
async function checkData(data: ArrayBuffer, image: ResultImage, name: string): Promise<void> {
  const hash = data.byteLength === image.bytes ? await sha256(data) : 'of another length';
  if (hash === undefined || hash === image.sha256.toLowerCase()) return;
  const message = `${name} is not what the server made: its length or SHA-256 differs`;
  throw new InvalidResponseError(message, { isRetryable: true, jobId: image.jobId });
}
