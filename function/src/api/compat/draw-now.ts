import { createHash, randomUUID } from 'node:crypto';
import type { Job, ParsedGenerateInput } from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';
import type { ApiContext } from '../api-context.ts';
import { cancelJob, submitJob, watchJob } from '../job-procedures.ts';

export type SucceededJob = Extract<Job, { status: 'succeeded' }>;

export interface DrawNowOptions {
  /** Aborts when the caller goes away. */
  signal: AbortSignal;
  /** The caller's own, of any form: the same key with the same input draws once. */
  idempotencyKey?: string | null | undefined;
  /** Called with the job and every change of it. */
  onUpdate?: (job: Job) => void;
}

const toJobKey = (key: string | null | undefined): string =>
  // Hashed, because callers may use characters that ours have not; and so it cannot meet one that was given to jobs.submit.
  key ? `compat-${createHash('sha256').update(key).digest('hex')}` : `compat-${randomUUID()}`;

/**
 * Draws while the caller waits. A caller who goes away cancels the job, unless they gave an idempotency key: then they
 * may come back for it.
 * @throws FunctionError that of the job, where it fails; `canceled`.
 */
export const drawNow = async (
  context: ApiContext,
  input: ParsedGenerateInput,
  { signal, idempotencyKey, onUpdate }: DrawNowOptions,
): Promise<SucceededJob> => {
  let job = await submitJob(context, { ...input, idempotencyKey: toJobKey(idempotencyKey) });
  onUpdate?.(job);
  for await (const update of await watchJob(context, job.id, signal)) {
    job = update;
    onUpdate?.(job);
  }
  switch (job.status) {
    case 'succeeded':
      return job;
    case 'failed': {
      const { code, message, isRetryable } = job.error;
      throw new FunctionError(code, message, { isRetryable });
    }
    case 'canceled':
      throw new FunctionError('canceled', 'The job was canceled');
    default:
      if (!idempotencyKey) await cancelJob(context, job.id);
      throw new FunctionError('canceled', 'The caller went away');
  }
};
