export type { CallOptions } from './call-options.ts';
export type {
  ErrorCode,
  GenerateInput,
  GenerateSettings,
  Health,
  ImageFormat,
  Job,
  JobError,
  JobImage,
  JobPage,
  JobStatus,
  ModelInfo,
  Phase,
  RngName,
  SamplerName,
  ScheduleName,
  SignedUrl,
  SucceededJob,
  Timings,
  Warning,
} from './contract/index.ts';
export { createSafelight } from './create-safelight.ts';
export { AuthenticationError } from './errors/authentication-error.ts';
export { ConflictError } from './errors/conflict-error.ts';
export { ConnectionError } from './errors/connection-error.ts';
export { InvalidInputError } from './errors/invalid-input-error.ts';
export { InvalidResponseError } from './errors/invalid-response-error.ts';
export { JobCanceledError } from './errors/job-canceled-error.ts';
export { JobFailedError } from './errors/job-failed-error.ts';
export { NotFoundError } from './errors/not-found-error.ts';
export { RateLimitError } from './errors/rate-limit-error.ts';
export { type ClientErrorCode, SafelightError, type SafelightErrorOptions } from './errors/safelight-error.ts';
export { ServerError } from './errors/server-error.ts';
export { TimeoutError } from './errors/timeout-error.ts';
export type { ImageRef, Images } from './images/images.ts';
export type { CanceledJob, FailedJob, FinishedJob, GenerateResult, PendingJob, ResultImage } from './job-types.ts';
export type { GenerateOptions, SubmitOptions } from './jobs/generate.ts';
export type { JobHandle, WaitOptions } from './jobs/job-handle.ts';
export type { ProgressCallback } from './jobs/wait-for-job.ts';
export type { SafelightOptions } from './options.ts';
export type { ListJobsInput, Safelight } from './safelight.ts';
