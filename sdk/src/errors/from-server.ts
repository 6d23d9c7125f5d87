import type { ErrorCode, ErrorData } from '../contract/index.ts';
import { AuthenticationError } from './authentication-error.ts';
import { ConflictError } from './conflict-error.ts';
import { InvalidInputError } from './invalid-input-error.ts';
import { NotFoundError } from './not-found-error.ts';
import { RateLimitError } from './rate-limit-error.ts';
import type { SafelightError } from './safelight-error.ts';
import { ServerError } from './server-error.ts';

/** An error answer, read as far as it could be understood. */
export interface ErrorAnswer {
  /** What was asked for, such as `jobs.get`. */
  path: string;
  status: number;
  /** The server's message; only trusted together with `data`. */
  message?: string | undefined;
  /** Absent when something else than a Safelight server answered, a gateway say; its code, when it is a newer server's. */
  data?: (Omit<ErrorData, 'code'> & { code?: ErrorCode | undefined }) | undefined;
  requestId?: string | undefined;
  jobId?: string | undefined;
  retryAfterMs?: number | undefined;
}

type ErrorKind = new (...parameters: ConstructorParameters<typeof SafelightError>) => SafelightError;

const kinds: Partial<Record<ErrorCode, ErrorKind>> = {
  invalid_input: InvalidInputError,
  payload_too_large: InvalidInputError,
  unauthorized: AuthenticationError,
  forbidden: AuthenticationError,
  not_found: NotFoundError,
  model_not_found: NotFoundError,
  conflict: ConflictError,
  rate_limited: RateLimitError,
  quota_exceeded: RateLimitError,
};

const codesByStatus: Partial<Record<number, ErrorCode>> = {
  400: 'invalid_input',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'payload_too_large',
  429: 'rate_limited',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
};

/** Answers that say "not now". 500 is among them: gateways send it for a server that is just starting. */
const retryableStatuses: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/** Long enough for any message of the server's, short enough for a log line. */
const MAX_MESSAGE_LENGTH = 1000;

/** Turns an error answer into the error its caller sees. The server's own word on `isRetryable` counts, where given. */
export function errorFromServer(answer: ErrorAnswer): SafelightError {
  const { data, status } = answer;
  const code = data?.code ?? codesByStatus[status] ?? 'internal';
  const Kind = kinds[code] ?? ServerError;
  const message =
    data === undefined || answer.message === undefined
      ? `The endpoint answered ${answer.path} with status ${status}`
      : answer.message.slice(0, MAX_MESSAGE_LENGTH);
  return new Kind(message, {
    code,
    isRetryable: data?.isRetryable ?? retryableStatuses.includes(status),
    requestId: data?.requestId ?? answer.requestId,
    status,
    field: data?.field,
    jobId: answer.jobId,
    retryAfterMs:
      answer.retryAfterMs ?? (data?.retryAfterSeconds === undefined ? undefined : data.retryAfterSeconds * 1000),
  });
}
