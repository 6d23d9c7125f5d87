import { SafelightError } from '../errors/safelight-error.ts';
import type { Clock } from '../timing/clock.ts';
import type { Scope } from '../timing/scope.ts';
import { sleep } from '../timing/sleep.ts';

/** The first pause is up to this long, each further one up to twice as long. */
const BASE_DELAY_MS = 500;
const MAX_DELAY_MS = 8_000;
/** A server that asks for a longer pause than this is not waited for: its error goes to the caller. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * The pause before the next try. Full jitter, so that clients that failed together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @returns `undefined` if the server asks for more patience than the client has.
 */
function retryDelayMs(error: SafelightError, retries: number, random: () => number): number | undefined {
  if (error.retryAfterMs !== undefined) {
    return error.retryAfterMs > MAX_RETRY_AFTER_MS ? undefined : error.retryAfterMs;
  }
  return random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** retries);
}

export interface RetryOptions {
  clock: Clock;
  scope: Scope;
  maxRetries: number;
}

/**
 * Tries until it works, the error is not retryable, the retries are used up or the pause would outlast the scope.
 * @throws the last error; the scope's reason once that has ended, also in the middle of a pause.
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, scope, maxRetries } = options;
  for (let retries = 0; ; retries++) {
    scope.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      scope.signal.throwIfAborted();
      if (!SafelightError.isInstance(error) || !error.isRetryable || retries >= maxRetries) throw error;
      const delayMs = retryDelayMs(error, retries, clock.random);
      if (delayMs === undefined || delayMs >= scope.remainingMs()) throw error;
      await sleep(delayMs, clock, scope.signal);
    }
  }
}
