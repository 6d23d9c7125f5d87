import { type CallOptions, DEFAULT_WAIT_MS } from '../call-options.ts';
import type { Connection, ScopeSubject } from '../connection.ts';
import type { GenerateInput, Job, Webhook } from '../contract/index.ts';
import type { GenerateResult } from '../job-types.ts';
import type { Scope } from '../timing/scope.ts';
import { cancelQuietly } from './clean-up.ts';
import { submitJob } from './submit-job.ts';
import { type ProgressCallback, waitForJob } from './wait-for-job.ts';

/** Options of `submit`. */
export interface SubmitOptions extends CallOptions {
  /**
   * Names this piece of work: 8 to 128 printable ASCII characters. Submitting again with the same key and input gives
   * the same job, also from another process, so that a crash does not pay twice. @defaultValue a random one
   */
  idempotencyKey?: string | undefined;
  /** Where the server announces the job's end; `verifyWebhook` reads what it sends. */
  webhook?: Webhook | undefined;
}

/** Options of `generate`. */
export interface GenerateOptions extends SubmitOptions {
  /** Called with each new state until the pictures are there. What it throws cancels the job and is rethrown. */
  onProgress?: ProgressCallback | undefined;
  /** Time for the whole call, a GPU's start included, in milliseconds. @defaultValue 1800000, half an hour */
  deadlineMs?: number | undefined;
  /**
   * Whether the job is cancelled when the deadline passes, so that nobody pays for pictures that nobody waits for.
   * With `false` it goes on, and `resume(error.jobId)` gets its pictures. @defaultValue true
   */
  cancelOnDeadline?: boolean | undefined;
}

/** Submit, wait, result. Whoever gives up on the call gives up on the job: it is cancelled. */
export function generate(
  connection: Connection,
  input: GenerateInput,
  options: GenerateOptions = {},
): Promise<GenerateResult> {
  const { signal, deadlineMs = DEFAULT_WAIT_MS, onProgress, cancelOnDeadline = true } = options;
  const subject: ScopeSubject = {};
  const keepsJob = () => !cancelOnDeadline && signal?.aborted !== true;

  const work = async (scope: Scope): Promise<GenerateResult> => {
    const job = await submitJob(connection, input, { ...options, scope, keepsJob });
    subject.jobId = job.id;
    let hasCallbackFailed = false;
    const reportProgress: ProgressCallback = async (update) => {
      try {
        await onProgress?.(update);
      } catch (error) {
        hasCallbackFailed = true;
        throw error;
      }
    };
    try {
      return await waitForJob(connection, job, scope, reportProgress, ignoreUpdate);
    } catch (error) {
      // A lost connection is no reason to give up on the job: the error names it, for `resume`.
      const gaveUp = hasCallbackFailed || (scope.signal.aborted && !keepsJob());
      if (gaveUp) await cancelQuietly(connection, job.id);
      throw error;
    }
  };
  return connection.run({ signal, deadlineMs }, work, subject);
}

const ignoreUpdate = (_job: Job): void => undefined;
