import type { ErrorCode } from '@safelight/sdk/contract';

export interface FunctionErrorOptions {
  /** Whether the same work can succeed later: decides redelivery of a job and retries of a call. @defaultValue false */
  isRetryable?: boolean;
  /** The input field at fault, by its name in the contract. */
  field?: string;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/**
 * An error whose message may be shown to the caller: it says what is wrong and what to do, and holds no prompt,
 * secret, signed URL or path of the server. Everything else that is thrown reaches callers as `internal`.
 */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly code: ErrorCode;
  readonly isRetryable: boolean;
  readonly field: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: FunctionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.isRetryable = options.isRetryable ?? false;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
