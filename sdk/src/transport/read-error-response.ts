import * as z from 'zod/mini';
import { errorCodeSchema, errorDataSchema } from '../contract/index.ts';
import { errorFromServer } from '../errors/from-server.ts';
import { InvalidResponseError } from '../errors/invalid-response-error.ts';
import type { SafelightError } from '../errors/safelight-error.ts';
import { parseRetryAfter } from './retry-after.ts';

/** The part of tRPC's error envelope that the client reads. */
export const errorShapeSchema = z.object({
  message: z.string(),
  data: z.object({ httpStatus: z.optional(z.number()), safelight: z.optional(z.unknown()) }),
});

/** The server's own data. A code of a newer server is left out, so that the status speaks for it. */
export const receivedErrorDataSchema = z.extend(errorDataSchema, {
  code: z.catch(z.optional(errorCodeSchema), undefined),
});

/** tRPC answers one call with an object, a batch with an array. */
const envelopeSchema = z.union([
  z.object({ error: errorShapeSchema }),
  z.pipe(
    z.tuple([z.object({ error: errorShapeSchema })]),
    z.transform((envelopes: [{ error: z.infer<typeof errorShapeSchema> }]) => envelopes[0]),
  ),
]);

export interface RequestDetails {
  path: string;
  jobId?: string | undefined;
}

/** The error for a response that is not a success. Never throws: a body that cannot be read leaves the status. */
export async function readErrorResponse(
  response: Response,
  request: RequestDetails,
  nowMs: number,
): Promise<SafelightError> {
  const requestId = response.headers.get('x-request-id') ?? undefined;
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
    const message = `The endpoint redirects ${request.path} to another address: configure that address as the endpoint`;
    return new InvalidResponseError(message, { ...request, requestId, status: response.status });
  }
  const envelope = envelopeSchema.safeParse(await readJson(response));
  const shape = envelope.success ? envelope.data.error : undefined;
  return errorFromServer({
    ...request,
    requestId,
    status: response.status,
    message: shape?.message,
    data: receivedErrorDataSchema.safeParse(shape?.data.safelight).data,
    retryAfterMs: parseRetryAfter(response.headers, nowMs),
  });
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}
