import { setTimeout as delay } from 'node:timers/promises';

export interface RetryParams {
  /** How often it is tried in all. */
  tries: number;
  /** Before the second try; doubled before each further one, and shortened at random by up to a half. */
  delayMs: number;
  isRetryable: (error: unknown) => boolean;
  signal?: AbortSignal | undefined;
}

/** Tries until it works, the error is not one that passes, the tries are used up, or the signal aborts. */
export async function withRetries<Result>(
  attempt: (attemptNumber: number) => Promise<Result>,
  { tries, delayMs, isRetryable, signal }: RetryParams,
): Promise<Result> {
  for (let attemptNumber = 1; ; attemptNumber += 1) {
    signal?.throwIfAborted();
    try {
      return await attempt(attemptNumber);
    } catch (error) {
      // What an abort looks like depends on where it struck; its reason is what the caller knows.
      signal?.throwIfAborted();
      if (attemptNumber >= tries || !isRetryable(error)) throw error;
      await abortableDelay(delayMs * 2 ** (attemptNumber - 1) * (1 - Math.random() / 2), signal);
    }
  }
}

/** @throws the signal's reason when it aborts. */
export async function abortableDelay(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
