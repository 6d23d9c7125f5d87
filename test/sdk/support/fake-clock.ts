import { setImmediate as nextTurn, setTimeout as realDelay } from 'node:timers/promises';
import type { Clock } from '../../../sdk/src/timing/clock.ts';
import { digestAtOnce } from './digest-at-once.ts';

interface Timer {
  at: number;
  callback: () => void;
}

export interface FakeClock extends Clock {
  /** Timers that run now: a call that has ended leaves none. */
  pendingTimers(): number;
  /** Lets time pass, stopping at each timer on the way so that what it starts can run. */
  advance(ms: number): Promise<void>;
  /** Jumps from timer to timer until the promise settles; returns the milliseconds that took. */
  runUntilSettled(promise: Promise<unknown>): Promise<number>;
}

/** Turns of the event loop that a mocked fetch, its stream and tRPC's own `setTimeout(0)` need, and some to spare. */
const TURNS = 12;

/** Counts turns, not milliseconds: on a busy machine a millisecond may be no turn at all. */
async function letOthersRun(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) {
    await realDelay(0);
    await nextTurn();
  }
}

export function createFakeClock({ random = 1 }: { random?: number } = {}): FakeClock {
  let now = Date.parse('2026-01-01T00:00:00.000Z');
  const timers = new Set<Timer>();
  digestAtOnce();

  const nextTimer = (): Timer | undefined => [...timers].sort((a, b) => a.at - b.at)[0];
  const fire = (timer: Timer) => {
    now = Math.max(now, timer.at);
    timers.delete(timer);
    timer.callback();
  };

  return {
    now: () => now,
    random: () => random,
    startTimer(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pendingTimers: () => timers.size,
    async advance(ms) {
      const end = now + ms;
      await letOthersRun();
      for (let timer = nextTimer(); timer !== undefined && timer.at <= end; timer = nextTimer()) {
        fire(timer);
        await letOthersRun();
      }
      now = end;
    },
    async runUntilSettled(promise) {
      const start = now;
      let isSettled = false;
      const settle = () => {
        isSettled = true;
      };
      promise.then(settle, settle);
      await letOthersRun();
      while (!isSettled) {
        const timer = nextTimer();
        if (timer === undefined) throw new Error('The promise is pending, and no timer can settle it');
        fire(timer);
        await letOthersRun();
      }
      return now - start;
    },
  };
}

/** Real time, run through faster: for tests with a real server. */
export function createFastClock(speed = 50): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * speed,
    random: () => 1,
    startTimer(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(delayMs / speed, 2 ** 31 - 1));
      return () => clearTimeout(timer);
    },
  };
}
