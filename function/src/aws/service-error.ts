import { FunctionError } from '../errors.ts';

const TRANSIENT_NAMES = [
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'OverLimit',
  'InternalServerError',
  'InternalFailure',
  'ServiceUnavailable',
  'SlowDown',
  'RequestTimeout',
  'TimeoutError',
  'ConditionalRequestConflict',
];
const TRANSIENT_CODES = /^(ECONN\w+|EPIPE|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|EAI_AGAIN|ENOTFOUND|UND_ERR_\w+)$/;

const statusOf = (error: Error): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** Whether an AWS service may answer the same request a moment later. */
export const isTransient = (error: unknown): boolean => {
  if (error instanceof FunctionError) return error.isRetryable;
  if (!(error instanceof Error)) return false;
  const status = statusOf(error) ?? 0;
  const code = 'code' in error ? String(error.code) : '';
  return TRANSIENT_NAMES.includes(error.name) || TRANSIENT_CODES.test(code) || status === 429 || status >= 500;
};

/** Whether a write was refused because its condition did not hold. */
export const isConditionFailed = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ConditionalCheckFailedException';

/**
 * What callers may know about an error of an AWS service, after the client's own retries; surprises stay what they are.
 * The request is left out: it may carry a prompt or a signature.
 */
export const toServiceError = (error: unknown, service: 'DynamoDB' | 'SQS' | 'S3' | 'SSM'): unknown => {
  if (error instanceof FunctionError || !(error instanceof Error)) return error;
  const status = statusOf(error);
  const cause = new Error(`${service}: ${error.name} (${status ?? 'no answer'})`);
  cause.name = error.name;
  // Without a status, it is an error of ours, or of the SDK's set-up.
  if (!isTransient(error)) return status === undefined ? error : cause;
  const message = 'The service is busy: try again';
  return new FunctionError('unavailable', message, { isRetryable: true, retryAfterSeconds: 1, cause });
};
