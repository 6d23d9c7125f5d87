import type { CallOptions } from './call-options.ts';
import type {
  Estimate,
  EstimateInput,
  GenerateInput,
  Health,
  Job,
  JobPage,
  ModelInfo,
  PromptReading,
  ReadPromptInput,
  UsageEntry,
  UsageInput,
} from './contract/index.ts';
import type { Images } from './images/images.ts';
import type { GenerateResult } from './job-types.ts';
import type { GenerateOptions, SubmitOptions } from './jobs/generate.ts';
import type { JobHandle } from './jobs/job-handle.ts';
import type { Upload } from './uploads/upload.ts';
import type { UploadSource } from './uploads/upload-source.ts';

/** Which page of jobs. */
export interface ListJobsInput {
  /** Jobs on the page, 1 to 100. @defaultValue 20 */
  limit?: number | undefined;
  /** `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/**
 * A client of one endpoint. Every method retries what can pass, checks what it sends and what it gets, and rejects with
 * a `SafelightError` or, once its signal aborts, with the signal's reason.
 */
export interface Safelight {
  /**
   * Makes pictures: submits, waits, and resolves to the result.
   *
   * An abort, the deadline (unless `cancelOnDeadline` is false) and an error thrown by `onProgress` cancel the job on the
   * server before the promise rejects; that takes up to 5 seconds where the server does not answer. A lost connection
   * does not: the error's `jobId` can be given to `resume`.
   *
   * @throws InvalidInputError before anything is sent; JobFailedError; JobCanceledError; TimeoutError; and the others.
   */
  generate(input: GenerateInput, options?: GenerateOptions): Promise<GenerateResult>;
  /**
   * Submits and resolves as soon as the server has the job. If an abort or the deadline comes before that, a job that
   * the server may have made all the same is cancelled.
   */
  submit(input: GenerateInput, options?: SubmitOptions): Promise<JobHandle>;
  /** Finds a job again, after a crash or in another process. */
  resume(jobId: string, options?: CallOptions): Promise<JobHandle>;
  /** The job as it is now. */
  get(jobId: string, options?: CallOptions): Promise<Job>;
  /** Stops a job. A finished job stays as it is. */
  cancel(jobId: string, options?: CallOptions): Promise<Job>;
  /** A page of jobs, the newest first; pass `nextCursor` as `cursor` for the next page. */
  list(input?: ListJobsInput, options?: CallOptions): Promise<JobPage>;
  readonly models: {
    list(options?: CallOptions): Promise<ModelInfo[]>;
    get(model: string, options?: CallOptions): Promise<ModelInfo>;
  };
  readonly prompts: {
    /** How the server understands a prompt: its tokens, their weights, and what holds when. */
    read(input: ReadPromptInput, options?: CallOptions): Promise<PromptReading>;
  };
  readonly images: Images;
  /**
   * What a job would take, judged by the latest ones, before it is submitted. `prompt`, `negativePrompt` and `seed` do not
   * matter and are not sent, so the input of `generate` will do.
   */
  estimate(input: GenerateInput | EstimateInput, options?: CallOptions): Promise<Estimate>;
  /**
   * Sends a picture to the server: PNG, JPEG or WebP, up to 20 MiB. The type is told by the data, not by names or headers.
   *
   * @throws InvalidInputError for anything else, before it is sent.
   */
  upload(source: UploadSource, options?: CallOptions): Promise<Upload>;
  /** What this key used, by day (UTC). `from` and `to` are days, YYYY-MM-DD, both included. */
  usage(range: UsageInput, options?: CallOptions): Promise<UsageEntry[]>;
  /** Whether the server is up, and how busy. */
  health(options?: CallOptions): Promise<Health>;
}
