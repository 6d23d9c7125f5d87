export type { CallOptions } from './call-options.ts';
export type {
  ErrorCode,
  Estimate,
  EstimateInput,
  GenerateInput,
  GenerateSettings,
  Health,
  ImageFormat,
  Job,
  JobError,
  JobImage,
  JobPage,
  JobStatus,
  JobUsage,
  ModelInfo,
  Phase,
  Price,
  PromptReading,
  PromptSyntax,
  ReadPromptInput,
  RngName,
  Safety,
  SafetyPolicy,
  SamplerName,
  ScheduleName,
  SignedUrl,
  SucceededJob,
  Timings,
  UploadTicket,
  UploadType,
  Usage,
  UsageEntry,
  UsageInput,
  Warning,
  Webhook,
  WebhookEvent,
} from './contract/index.ts';
export { createSafelight } from './create-safelight.ts';
export { AuthenticationError } from './errors/authentication-error.ts';
export { ConflictError } from './errors/conflict-error.ts';
export { ConnectionError } from './errors/connection-error.ts';
export { InvalidInputError } from './errors/invalid-input-error.ts';
export { InvalidResponseError } from './errors/invalid-response-error.ts';
export { InvalidWebhookError } from './errors/invalid-webhook-error.ts';
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
export { type BatchOutcome, type GenerateAllOptions, generateAll } from './jobs/generate-all.ts';
export { createGeneration, type Generation, type GenerationState } from './jobs/generation.ts';
export type { JobHandle, WaitOptions } from './jobs/job-handle.ts';
export type { ProgressCallback } from './jobs/wait-for-job.ts';
export type { SafelightOptions } from './options.ts';
export type { ListJobsInput, Safelight } from './safelight.ts';
export type { Upload } from './uploads/upload.ts';
export type { UploadSource } from './uploads/upload-source.ts';
export {
  type VerifiedWebhook,
  type VerifyWebhookOptions,
  verifyWebhook,
  type WebhookRequest,
} from './webhooks/verify-webhook.ts';
