/** Numbers of at least 0 and less than 1, the same for the same seed (mulberry32, Tommy Ettinger 2017). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seconds until the next of events that come at this rate, independent of each other. */
export const exponential = (random: () => number, perSecond: number): number =>
  perSecond === 0 ? Number.POSITIVE_INFINITY : -Math.log(1 - random()) / perSecond;
