import * as z from 'zod/mini';
import { ConnectionError } from '../errors/connection-error.ts';
import { InvalidResponseError } from '../errors/invalid-response-error.ts';
import { withoutSecrets } from '../errors/without-secrets.ts';
import type { RequestDetails } from './read-error-response.ts';

/** A call whose answer is to be checked. */
export interface ExpectedAnswer<Output> extends RequestDetails {
  output: z.ZodMiniType<Output>;
}

const successSchema = z.object({ result: z.object({ data: z.unknown() }) });

/** The body of a successful answer. @throws InvalidResponseError, ConnectionError for one that was cut short. */
export function readAnswer<Output>(call: ExpectedAnswer<Output>, body: string, response: Response): Output {
  const parsed = successSchema.safeParse(parseJson(call, body, response));
  if (!parsed.success) throw invalidResponse(call, response);
  return checkData(call, parsed.data.result.data, response);
}

/** Anything of this API's, as JSON. @throws as `readAnswer` does. */
export function parseJson(call: RequestDetails, text: string, response: Response): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Its text is no part of our error: it may be anything. Half an object is worth another try, a page is not.
    throw text.startsWith('{') ? brokenConnection(call) : invalidResponse(call, response);
  }
}

/** Checks data against the contract. @throws InvalidResponseError naming the place that is wrong. */
export function checkData<Output>(call: ExpectedAnswer<Output>, data: unknown, response: Response): Output {
  const parsed = z.safeParse(call.output, data);
  if (parsed.success) return parsed.data;
  throw invalidResponse(call, response, parsed.error.issues[0]?.path.join('.'));
}

/** The error for an answer that broke off. */
export function brokenConnection({ path, jobId }: RequestDetails, cause?: unknown): ConnectionError {
  const message = `The connection broke before the answer to ${path} was complete`;
  return new ConnectionError(message, { jobId, cause: withoutSecrets(cause) });
}

function invalidResponse({ path, jobId }: RequestDetails, response: Response, place = ''): InvalidResponseError {
  const where = place === '' ? '' : ` at "${place}"`;
  return new InvalidResponseError(`The answer to ${path} is not what the contract says${where}`, {
    jobId,
    status: response.status,
    requestId: response.headers.get('x-request-id') ?? undefined,
  });
}
