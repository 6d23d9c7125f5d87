import type { CallOptions } from '../call-options.ts';
import type { Connection } from '../connection.ts';
import type { SignedUrl } from '../contract/index.ts';
import { NotFoundError } from '../errors/not-found-error.ts';
import { SafelightError } from '../errors/safelight-error.ts';
import type { ResultImage } from '../job-types.ts';
import { procedures } from '../procedures.ts';
import type { Scope } from '../timing/scope.ts';
import { withRetries } from '../transport/retry.ts';
import { download } from './download.ts';

/** A picture: as it came in a result, or by job and index alone. */
export type ImageRef = ResultImage | { jobId: string; index: number };

/** Finished pictures. */
export interface Images {
  /** A fresh URL for a picture, to be handed on. It works without a key until `expiresAt`. */
  sign(jobId: string, index: number, options?: CallOptions): Promise<SignedUrl>;
  /**
   * The picture's URL, to be shown or handed on at once: the one that it came with, or a fresh one if that is about to
   * expire. It works without a key.
   */
  url(image: ImageRef, options?: CallOptions): Promise<string>;
  /**
   * The encoded picture: a PNG, JPEG or WebP file. An expired URL is signed again, and what arrives is checked against
   * the length and SHA-256 that the server recorded.
   *
   * @throws NotFoundError, InvalidResponseError where the data stays wrong, ConnectionError, TimeoutError.
   */
  arrayBuffer(image: ImageRef, options?: CallOptions): Promise<ArrayBuffer>;
  /** The same as a `Blob` of the right media type. */
  blob(image: ImageRef, options?: CallOptions): Promise<Blob>;
}

/** A URL that ends sooner than this is signed again, lest it expire on the way. */
const EXPIRY_MARGIN_MS = 30_000;
/** 403 from S3 and from the local server, 410 from those that tell an expired URL apart, 400 from S3 for expired tokens. */
const expiredStatuses: readonly (number | undefined)[] = [400, 401, 403, 410];

export function createImages(connection: Connection): Images {
  const { clock, options } = connection;

  const sign = (jobId: string, index: number, scope: Scope) =>
    connection.request(procedures.signImage(jobId, index), scope);

  const isFresh = ({ expiresAt }: SignedUrl) =>
    // False where the date cannot be read.
    Date.parse(expiresAt) - clock.now() > EXPIRY_MARGIN_MS;

  const findImage = async (ref: ImageRef, scope: Scope): Promise<ResultImage> => {
    if (!('url' in ref)) return readRecord(connection, ref.jobId, ref.index, scope);
    return isFresh(ref) ? ref : { ...ref, ...(await sign(ref.jobId, ref.index, scope)) };
  };

  const fetchImage = async (ref: ImageRef, scope: Scope) => {
    let image = await findImage(ref, scope);
    const attempt = async () => {
      try {
        return await download(connection, image, scope.signal);
      } catch (error) {
        // It may have expired during an earlier attempt, or this machine's clock is behind.
        if (!SafelightError.isInstance(error) || !expiredStatuses.includes(error.status)) throw error;
        image = { ...image, ...(await sign(image.jobId, image.index, scope)) };
        return await download(connection, image, scope.signal);
      }
    };
    const data = await withRetries(attempt, { clock, scope, maxRetries: options.maxRetries });
    return { image, data };
  };

  const run = (ref: ImageRef, callOptions: CallOptions = {}) =>
    connection.run(callOptions, (scope) => fetchImage(ref, scope), { jobId: ref.jobId });

  return {
    sign: (jobId, index, callOptions = {}) =>
      connection.run(callOptions, (scope) => sign(jobId, index, scope), { jobId }),
    url: (ref, callOptions = {}) =>
      connection.run(
        callOptions,
        async (scope) => {
          const { url } = 'url' in ref && isFresh(ref) ? ref : await sign(ref.jobId, ref.index, scope);
          return new URL(url, options.endpoint).href;
        },
        { jobId: ref.jobId },
      ),
    arrayBuffer: async (ref, callOptions) => (await run(ref, callOptions)).data,
    blob: async (ref, callOptions) => {
      const { image, data } = await run(ref, callOptions);
      return new Blob([data], { type: `image/${image.format}` });
    },
  };
}

/** The job's record of the picture, with a fresh URL. Costs as much as signing, and lets the data be checked. */
async function readRecord(connection: Connection, jobId: string, index: number, scope: Scope): Promise<ResultImage> {
  const job = await connection.request(procedures.getJob(jobId), scope);
  const image = job.status === 'succeeded' ? job.images.find((each) => each.index === index) : undefined;
  if (image === undefined) {
    throw new NotFoundError(`Job ${jobId} has no image ${index}: it is ${job.status}`, { code: 'not_found', jobId });
  }
  return { ...image, jobId };
}
