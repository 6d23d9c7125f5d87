/** A job that somebody wants to submit. */
export interface WantedJob {
  idempotencyKey: string;
  images: number;
}

/** Leave to submit one job. */
export interface Admission {
  /** The job was not made after all. */
  withdraw(): Promise<void>;
}

/** Holds one caller to the limits of their key. */
export interface Quota {
  /** @throws FunctionError `rate_limited` (retryable) after too many requests. */
  countRequest(): Promise<void>;
  /** @throws FunctionError `rate_limited` (retryable) for too many jobs at a time; `quota_exceeded` for the day or month. */
  admit(job: WantedJob): Promise<Admission>;
}
