import type { Clock } from './clock.ts';

/**
 * Waits, and leaves no timer or listener behind.
 * @throws the signal's reason, as soon as it aborts.
 */
export function sleep(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      stopTimer();
      reject(signal.reason);
    };
    const stopTimer = clock.startTimer(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
