/** Time and chance, as the client sees them: replaced in tests. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** At least 0, less than 1. */
  random(): number;
  /** Calls back once after the delay; returns what stops it. */
  startTimer(delayMs: number, callback: () => void): () => void;
}

/** Timers of longer delay fire at once, so this is as long as one may wait: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  startTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
