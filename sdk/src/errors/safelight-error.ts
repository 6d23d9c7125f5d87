import type { ErrorCode } from '../contract/index.ts';

/** What the client itself finds wrong, beside the codes a server sends. */
export type ClientErrorCode =
  | 'connection_failed'
  | 'request_timeout'
  | 'deadline_exceeded'
  | 'invalid_response'
  | 'invalid_webhook';

/** What an error may carry. */
export interface SafelightErrorOptions {
  code: ErrorCode | ClientErrorCode;
  /** Whether the same call can succeed later. @defaultValue false */
  isRetryable?: boolean | undefined;
  requestId?: string | undefined;
  status?: number | undefined;
  field?: string | undefined;
  jobId?: string | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** Found on the object, not in the prototype chain, so that two installed copies of the package know each other's errors. */
const marker: unique symbol = Symbol.for('safelight.error');

/**
 * Everything the client throws, except a signal's own reason. Messages hold no prompt, key, signed URL or query
 * string, so they may be logged.
 */
export class SafelightError extends Error {
  override readonly name: string = 'SafelightError';
  readonly code: ErrorCode | ClientErrorCode;
  /** Whether the same call can succeed later. The client has already retried what it may. */
  readonly isRetryable: boolean;
  /** The server's name for the request: quote it when you report a problem. */
  readonly requestId: string | undefined;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** The input field or option at fault, by its name in the API. */
  readonly field: string | undefined;
  /** The job that the call was about; `resume` takes it. */
  readonly jobId: string | undefined;
  /** How long the server asks to wait before the next try, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: SafelightErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.isRetryable = options.isRetryable ?? false;
    this.requestId = options.requestId;
    this.status = options.status;
    this.field = options.field;
    this.jobId = options.jobId;
    this.retryAfterMs = options.retryAfterMs;
    Object.defineProperty(this, marker, { value: true });
  }

  /** Like `instanceof`, but also true for an error of another installed copy of this package. */
  static isInstance(error: unknown): error is SafelightError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[marker] === true;
  }
}
