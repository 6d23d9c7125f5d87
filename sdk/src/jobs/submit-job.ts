import type { Connection } from '../connection.ts';
import { type GenerateInput, type Job, submitInputSchema, type Webhook } from '../contract/index.ts';
import { SafelightError } from '../errors/safelight-error.ts';
import { parseInput } from '../parse-input.ts';
import { procedures } from '../procedures.ts';
import { raceAbort } from '../timing/race-abort.ts';
import type { Scope } from '../timing/scope.ts';
import { withRetries } from '../transport/retry.ts';
import { cleanUp } from './clean-up.ts';
import { createIdempotencyKey } from './idempotency-key.ts';

export interface SubmitJobOptions {
  scope: Scope;
  /** @defaultValue a random one */
  idempotencyKey?: string | undefined;
  webhook?: Webhook | undefined;
  /** Asked when the scope ends early: may the job be left to run? @defaultValue no */
  keepsJob?: () => boolean;
}

/**
 * Submits under one idempotency key, which every retry repeats: the server makes one job of them.
 *
 * A request that has left cannot be taken back, so the scope's end does not abort it. Its answer is awaited apart and
 * the job cancelled. If it got no clear answer it is sent once more, under the same key, to learn the job's id; so it is
 * when the retries are used up.
 */
export async function submitJob(
  connection: Connection,
  input: GenerateInput,
  { scope, idempotencyKey, webhook, keepsJob }: SubmitJobOptions,
): Promise<Job> {
  const { clock, options, transport } = connection;
  const key = idempotencyKey ?? createIdempotencyKey();
  const procedure = procedures.submit(parseInput(submitInputSchema, { ...input, idempotencyKey: key, webhook }));
  const detached = new AbortController();
  let submission: Promise<Job> | undefined;
  let mayExist = false;

  const attempt = () => {
    submission = transport.call(procedure, detached.signal);
    submission.catch((error: unknown) => {
      mayExist ||= !isRefusal(error);
    });
    return raceAbort(submission, scope.signal);
  };

  try {
    return await withRetries(attempt, { clock, scope, maxRetries: options.maxRetries });
  } catch (error) {
    if (submission === undefined) throw error;
    // Under a key that the caller has, the same call finds the job again. Under our own nobody ever would.
    const isLost = mayExist && idempotencyKey === undefined;
    if (!scope.signal.aborted && !isLost) throw error;
    if (scope.signal.aborted && keepsJob?.() === true) {
      detached.abort();
      throw error;
    }
    const lastSubmission = submission;
    await cleanUp(connection, async (cleanUpScope) => {
      const job = await lastSubmission.catch((cause: unknown) => {
        if (!mayExist) throw cause;
        return connection.request(procedure, cleanUpScope);
      });
      await connection.request(procedures.cancelJob(job.id), cleanUpScope);
    });
    throw error;
  }
}

/** Whether the server said no, so that there is no job: a gateway's 5xx or a broken connection leaves that open. */
function isRefusal(error: unknown): boolean {
  if (!SafelightError.isInstance(error) || error.status === undefined) return false;
  return error.status >= 400 && error.status < 500 && error.status !== 408;
}
