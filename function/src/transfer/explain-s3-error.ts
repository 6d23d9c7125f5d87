import { FunctionError } from '../errors.ts';
import { s3Uri } from './s3-location.ts';

export interface S3ErrorContext {
  bucket: string;
  key: string;
  /** The permission that was needed, by its name in IAM policies, such as `s3:GetObject`. */
  permission: string;
}

interface Description {
  code: FunctionError['code'];
  message: string;
  isRetryable?: boolean;
}

const CREDENTIAL_ERRORS = [
  'CredentialsProviderError',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidToken',
  'TokenRefreshRequired',
];
const REGION_ERRORS = ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'];
const TRANSIENT_NAMES = [
  'TimeoutError',
  'RequestTimeout',
  'SlowDown',
  'ThrottlingException',
  'BadDigest',
  'InternalError',
];
const TRANSIENT_CODES =
  /^(ECONN\w+|EPIPE|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|EAI_AGAIN|ENOTFOUND|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_\w+)$/;

/** Whether the same request can work a moment later. */
export function isTransientS3Error(error: unknown): boolean {
  if (error instanceof FunctionError) return error.isRetryable;
  const { name, code, status } = detailsOf(error);
  return TRANSIENT_NAMES.includes(name) || TRANSIENT_CODES.test(code) || status === 429 || (status ?? 0) >= 500;
}

/**
 * Says what went wrong in S3 and where. The request itself is left out of the error: it carries the signature, and
 * sometimes a session token.
 */
export function explainS3Error(error: unknown, context: S3ErrorContext): FunctionError {
  if (error instanceof FunctionError) return error;
  const { name, code, status, requestId } = detailsOf(error);
  const { message, isRetryable = false, ...description } = describe(error, context);
  const answer = [status, name, code, requestId === undefined ? '' : `(request ${requestId})`]
    .filter(Boolean)
    .join(' ');
  return new FunctionError(description.code, message, { isRetryable, cause: new Error(`S3: ${answer}`) });
}

function describe(error: unknown, { bucket, key, permission }: S3ErrorContext): Description {
  const { name, status } = detailsOf(error);
  const place = s3Uri(bucket, key);
  if (name === 'NoSuchBucket') {
    return { code: 'not_found', message: `There is no bucket ${bucket}: check its name and the account.` };
  }
  if (CREDENTIAL_ERRORS.includes(name)) {
    const advice = 'Sign in again, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';
    return { code: 'unauthorized', message: `No valid AWS credentials for ${place}. ${advice}` };
  }
  if (name === 'RequestTimeTooSkewed') {
    return { code: 'unauthorized', message: `S3 refused ${place} because this machine's clock is wrong: set it.` };
  }
  if (REGION_ERRORS.includes(name) || status === 301) {
    return { code: 'invalid_input', message: `Bucket ${bucket} is in another region: set AWS_REGION to its own.` };
  }
  if (status === 403) {
    return { code: 'forbidden', message: `Access to ${place} is denied: the credentials need ${permission} on it.` };
  }
  if (status === 404) return { code: 'not_found', message: `There is nothing at ${place}.` };
  if (isTransientS3Error(error)) {
    const problem = status === undefined ? 'The connection failed' : `S3 answered ${status}`;
    return {
      code: 'unavailable',
      message: `${problem} at ${place}, several times over: try again later.`,
      isRetryable: true,
    };
  }
  return {
    code: 'unavailable',
    message: `S3 refused the request for ${place}${status === undefined ? '' : ` (${status})`}.`,
  };
}

function detailsOf(error: unknown): { name: string; code: string; status?: number; requestId?: string } {
  if (!(error instanceof Error)) return { name: 'Unknown', code: '' };
  const { $metadata, code } = error as { $metadata?: { httpStatusCode?: number; requestId?: string }; code?: unknown };
  return {
    name: error.name,
    code: typeof code === 'string' && code !== error.name ? code : '',
    ...($metadata?.httpStatusCode === undefined ? {} : { status: $metadata.httpStatusCode }),
    ...($metadata?.requestId === undefined ? {} : { requestId: $metadata.requestId }),
  };
}
