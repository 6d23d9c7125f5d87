import * as z from 'zod/mini';
import { errorCodeSchema, errorDataSchema } from '../contract/index.ts';
import { errorFromServer } from '../errors/from-server.ts';
import { InvalidResponseError } from '../errors/invalid-response-error.ts';
import type { SafelightError } from '../errors/safelight-error.ts';
import { parseRetryAfter } from './retry-after.ts';

/** What the server says about an error: tRPC's error, with the contract's own data in it. */
const errorShapeSchema = z.object({
  message: z.string(),
  data: z.object({ httpStatus: z.optional(z.number()), safelight: z.optional(z.unknown()) }),
});

// Not `z.catch`: in zod 4.6 it makes bundlers keep 3 kB (gzipped) that nothing else needs.
/** The contract's data. A code of a newer server is left out, so that the status speaks for it. */
const receivedDataSchema = z.extend(errorDataSchema, {
  code: z.pipe(
    z.string(),
    z.transform((code) => errorCodeSchema.safeParse(code).data),
  ),
});

export interface RequestDetails {
  /** What is asked for, such as `jobs.get`. */
  path: string;
  jobId?: string | undefined;
}

/** The error for a response that is not a success. Never throws: a body that cannot be read leaves the status. */
export async function readErrorResponse(
  response: Response,
  request: RequestDetails,
  nowMs: number,
): Promise<SafelightError> {
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
    const { path, jobId } = request;
    const message = `The endpoint redirects ${path} to another address: configure that address as the endpoint`;
    return new InvalidResponseError(message, { jobId, requestId: requestIdOf(response), status: response.status });
  }
  const body: unknown = await response.json().catch(() => undefined);
  const shape = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  return errorFromShape(request, shape, response, nowMs);
}

/** The error that an answer tells of, in its body or in an event of a stream that began well. */
export function errorFromShape(
  { path, jobId }: RequestDetails,
  value: unknown,
  response: Response,
  nowMs: number,
): SafelightError {
  const shape = errorShapeSchema.safeParse(value).data;
  return errorFromServer({
    path,
    jobId,
    requestId: requestIdOf(response),
    status: response.ok ? (shape?.data.httpStatus ?? 500) : response.status,
    message: shape?.message,
    data: receivedDataSchema.safeParse(shape?.data.safelight).data,
    retryAfterMs: parseRetryAfter(response.headers, nowMs),
  });
}

function requestIdOf(response: Response): string | undefined {
  return response.headers.get('x-request-id') ?? undefined;
}
