/** The one place where errors get their wire form: what callers read, and the HTTP status that goes with it. */
import type { ErrorCode, ErrorData } from '@safelight/sdk/contract';
import { TRPCError } from '@trpc/server';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import { FunctionError } from '../errors.ts';
import { MAX_BODY_BYTES } from './request-limits.ts';

type TrpcCode = keyof typeof TRPC_ERROR_CODES_BY_KEY;

/** tRPC's own code and the HTTP status of every kind of error. */
const WIRE_CODES: Record<ErrorCode, { trpcCode: TrpcCode; httpStatus: number }> = {
  invalid_input: { trpcCode: 'BAD_REQUEST', httpStatus: 400 },
  unauthorized: { trpcCode: 'UNAUTHORIZED', httpStatus: 401 },
  forbidden: { trpcCode: 'FORBIDDEN', httpStatus: 403 },
  not_found: { trpcCode: 'NOT_FOUND', httpStatus: 404 },
  model_not_found: { trpcCode: 'NOT_FOUND', httpStatus: 404 },
  conflict: { trpcCode: 'CONFLICT', httpStatus: 409 },
  payload_too_large: { trpcCode: 'PAYLOAD_TOO_LARGE', httpStatus: 413 },
  rate_limited: { trpcCode: 'TOO_MANY_REQUESTS', httpStatus: 429 },
  quota_exceeded: { trpcCode: 'TOO_MANY_REQUESTS', httpStatus: 429 },
  canceled: { trpcCode: 'CLIENT_CLOSED_REQUEST', httpStatus: 499 },
  storage_full: { trpcCode: 'INTERNAL_SERVER_ERROR', httpStatus: 507 },
  model_corrupt: { trpcCode: 'INTERNAL_SERVER_ERROR', httpStatus: 500 },
  out_of_memory: { trpcCode: 'SERVICE_UNAVAILABLE', httpStatus: 503 },
  worker_lost: { trpcCode: 'SERVICE_UNAVAILABLE', httpStatus: 503 },
  unavailable: { trpcCode: 'SERVICE_UNAVAILABLE', httpStatus: 503 },
  internal: { trpcCode: 'INTERNAL_SERVER_ERROR', httpStatus: 500 },
};

/** What tRPC says by itself, before any of our code runs, in our words: its own may quote the request. */
const TRPC_ERRORS: Partial<Record<TrpcCode, () => FunctionError>> = {
  NOT_FOUND: () =>
    new FunctionError('not_found', 'There is no such procedure: client and server may differ in version'),
  METHOD_NOT_SUPPORTED: () => new FunctionError('invalid_input', 'Wrong HTTP method: queries are GET, mutations POST'),
  UNSUPPORTED_MEDIA_TYPE: () => new FunctionError('invalid_input', 'Send JSON, with content-type: application/json'),
  PAYLOAD_TOO_LARGE: () => payloadTooLarge(),
  PARSE_ERROR: () => new FunctionError('invalid_input', 'The request is not valid JSON'),
  BAD_REQUEST: () => new FunctionError('invalid_input', 'The request could not be understood'),
  CLIENT_CLOSED_REQUEST: () => new FunctionError('canceled', 'The caller went away'),
};

/** @param maxBytes what may be sent. */
export const payloadTooLarge = (maxBytes = MAX_BODY_BYTES): FunctionError =>
  new FunctionError('payload_too_large', `The request is larger than ${maxBytes / 2 ** 20} MiB: shorten it`);

interface InputIssue {
  message: string;
  path: PropertyKey[];
  keys?: string[];
}

/** The first thing that is wrong with an input, by a schema's error. @returns `undefined` for other errors. */
export const fromIssues = (error: Error): FunctionError | undefined => {
  if (!('issues' in error) || !Array.isArray(error.issues)) return undefined;
  const issue = error.issues[0] as InputIssue | undefined;
  if (issue === undefined) return undefined;
  const field = issue.path.length > 0 ? issue.path.map(String).join('.') : issue.keys?.[0];
  return new FunctionError('invalid_input', issue.message, field === undefined ? {} : { field });
};

const fromTrpc = (error: TRPCError): FunctionError | undefined => {
  if (error.cause instanceof FunctionError) return error.cause;
  // Only inputs: an output that fails its schema is our fault, and arrives as INTERNAL_SERVER_ERROR.
  if (error.code === 'BAD_REQUEST' && error.cause !== undefined) {
    const fromInput = fromIssues(error.cause);
    if (fromInput !== undefined) return fromInput;
  }
  return TRPC_ERRORS[error.code]?.();
};

/** The error as callers may see it; what is not meant for them becomes `internal`. */
export const toPublicError = (error: unknown): FunctionError => {
  if (error instanceof FunctionError) return error;
  const known = error instanceof TRPCError ? fromTrpc(error) : undefined;
  return known ?? new FunctionError('internal', 'The server failed: its log says more under this request id');
};

/** The HTTP status that goes with a kind of error. */
export const httpStatusOf = (code: ErrorCode): number => WIRE_CODES[code].httpStatus;

/** Whether the error is a surprise, so that the log needs its stack. */
export const isUnexpected = (error: unknown): boolean => toPublicError(error).code === 'internal';

/** An error in the shape that tRPC clients parse. */
export interface ErrorShape {
  message: string;
  code: (typeof TRPC_ERROR_CODES_BY_KEY)[TrpcCode];
  data: { code: TrpcCode; httpStatus: number; safelight: ErrorData };
}

export const toErrorShape = (error: unknown, requestId: string): ErrorShape => {
  const { code, message, isRetryable, field, retryAfterSeconds } = toPublicError(error);
  const { trpcCode, httpStatus } = WIRE_CODES[code];
  const safelight: ErrorData = {
    code,
    isRetryable,
    requestId,
    ...(field === undefined ? {} : { field }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
  return {
    message,
    code: TRPC_ERROR_CODES_BY_KEY[trpcCode],
    data: { code: trpcCode, httpStatus, safelight },
  };
};
