import { InvalidInputError } from './errors/invalid-input-error.ts';

/** What every call takes. */
export interface CallOptions {
  /** Stops the call, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Time for the whole call, retries and pauses included, in milliseconds. `Infinity` switches it off. */
  deadlineMs?: number | undefined;
}

/** How long to wait for pictures unless told otherwise: a GPU may have to be started, behind a queue of other jobs. */
export const DEFAULT_WAIT_MS = 30 * 60_000;

/** @throws InvalidInputError naming the option, unless it is undefined or a number that is not negative. */
export function checkDuration(name: string, value: number | undefined): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return;
  throw new InvalidInputError(`${name} must be a number of milliseconds, 0 or more`, {
    code: 'invalid_input',
    field: name,
  });
}
