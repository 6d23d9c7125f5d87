import type { Job } from '@safelight/sdk';
import { useCallback, useState } from 'react';
import { useClient } from '../client-context.ts';
import { describeError, type ErrorDescription } from '../lib/describe-error.ts';
import { isPending } from '../lib/is-pending.ts';
import { type Settings, toInput } from '../lib/settings.ts';
import type { Jobs } from './use-jobs.ts';

/** The job on the stage, and what is asked of it. */
export interface Generation {
  job: Job | undefined;
  isSubmitting: boolean;
  isCancelling: boolean;
  error: ErrorDescription | undefined;
  /** What is wrong with a setting, by its name in the API. */
  fieldErrors: Partial<Record<string, string>>;
  generate(settings: Settings): Promise<void>;
  cancel(jobId: string): Promise<void>;
  show(job: Job): void;
  clearError(): void;
}

export function useGeneration({ jobs, submit, cancel }: Jobs): Generation {
  const { report } = useClient();
  const [shownId, setShownId] = useState<string>();
  const [isSubmitting, setIsSubmitting] = useState(false);
  const [cancellingId, setCancellingId] = useState<string>();
  const [error, setError] = useState<ErrorDescription>();

  const attempt = useCallback(
    async (work: () => Promise<void>) => {
      setError(undefined);
      try {
        await work();
      } catch (cause) {
        report(cause);
        setError(describeError(cause));
      }
    },
    [report],
  );

  // Nothing chosen, as after a reload: what is on its way, or else what came last.
  const job = jobs.find(({ id }) => id === shownId) ?? jobs.find(isPending) ?? jobs[0];
  const field = error?.field;
  return {
    job,
    isSubmitting,
    isCancelling: job !== undefined && job.id === cancellingId,
    error: field === undefined ? error : undefined,
    fieldErrors: error === undefined || field === undefined ? {} : { [field]: error.title },
    show: ({ id }) => setShownId(id),
    clearError: () => setError(undefined),
    async generate(settings) {
      setIsSubmitting(true);
      await attempt(async () => setShownId((await submit(toInput(settings))).id));
      setIsSubmitting(false);
    },
    async cancel(jobId) {
      setCancellingId(jobId);
      await attempt(() => cancel(jobId));
      setCancellingId(undefined);
    },
  };
}
