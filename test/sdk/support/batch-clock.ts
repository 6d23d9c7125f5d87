import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../sdk/src/timing/clock.ts';
import { digestAtOnce } from './digest-at-once.ts';

interface Timer {
  at: number;
  order: number;
  callback: () => void;
}

export interface BatchClock extends Clock {
  pendingTimers(): number;
  /** Lets time pass until the promise settles. */
  runUntilSettled(promise: Promise<unknown>): Promise<void>;
}

/** Timers within this time fire together, in order. */
const BATCH_MS = 20;
/** Turns in which promise chains and streams without real input and output settle. */
const TURNS = 4;

/** A fake clock for thousands of calls at once: exact in order, coarse in when the event loop gets its turns. */
export function createBatchClock(random: () => number): BatchClock {
  let now = Date.parse('2026-01-01T00:00:00.000Z');
  let order = 0;
  const timers = new Map<number, Timer>();
  digestAtOnce();

  const fireBatch = () => {
    const first = Math.min(...Array.from(timers.values(), ({ at }) => at));
    const due = [...timers.values()].filter(({ at }) => at <= first + BATCH_MS);
    for (const timer of due.sort((a, b) => a.at - b.at || a.order - b.order)) {
      // One that fired before it may have stopped it.
      if (!timers.delete(timer.order)) continue;
      now = Math.max(now, timer.at);
      timer.callback();
    }
  };

  return {
    now: () => now,
    random,
    startTimer(delayMs, callback) {
      const timer = { at: now + delayMs, order: order++, callback };
      timers.set(timer.order, timer);
      return () => timers.delete(timer.order);
    },
    pendingTimers: () => timers.size,
    async runUntilSettled(promise) {
      let isSettled = false;
      const settle = () => {
        isSettled = true;
      };
      promise.then(settle, settle);
      let idleTurns = 0;
      while (!isSettled) {
        for (let turn = 0; turn < TURNS; turn++) await nextTurn();
        if (timers.size > 0) {
          fireBatch();
          idleTurns = 0;
        } else if (++idleTurns > 50) {
          throw new Error('The promise is pending, and no timer can settle it');
        }
      }
    },
  };
}

/** Random numbers that are the same each time (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
