import { createNoiseGenerator, type NoiseGeneratorKind } from './noise-generator.ts';
import { seedSequence } from './seed-sequence.ts';

const { fround } = Math;

/** torchsde's `pool_size` and `tol` (1e-6) for a `BrownianTree`. */
const POOL_SIZE = 24;
const DECIMALS = 6;
/**
 * Increments are kept, as queries that follow each other have an end in common, and drawing is what takes the time. A way
 * through the tree has some 25 intervals.
 */
const CACHE_BYTES = 48 * 1024 * 1024;
const MIN_CACHE_SIZE = 64;

export interface BrownianTreeOptions {
  kind: NoiseGeneratorKind;
  /** A uint32. */
  seed: number;
  /** Values of one increment. */
  count: number;
  start: number;
  end: number;
}

/** An interval that is halved, and its halves again, until an end of a query is met. */
interface Interval {
  readonly start: number;
  readonly end: number;
  readonly middle: number;
  readonly depth: number;
  /** Its place among the intervals of its depth. */
  readonly index: number;
  readonly parent: Interval | undefined;
}

/**
 * A sample path of Brownian motion that depends on the seed alone, not on where and in which order it is looked at: what
 * k-diffusion's `BrownianTreeNoiseSampler` gets from torchsde's `BrownianTree`, with the same values. The motion at the
 * middle of an interval is drawn given its ends, from a generator of its own.
 *
 * Source: Li et al., "Scalable gradients for stochastic differential equations" (2020), algorithm 3; `_Interval` and
 * `BrownianInterval` in torchsde, `halfway_tree`.
 *
 * @returns The increment from one time to a later one: normal, of variance `to − from`. Times beyond the ends count as
 *   the ends.
 */
export function createBrownianTree(options: BrownianTreeOptions): (from: number, to: number) => Float32Array {
  const { kind, seed, count } = options;
  const top = createInterval(options.start, options.end);
  const cache = new Map<Interval, Float32Array>();
  const cacheSize = Math.max(MIN_CACHE_SIZE, Math.floor(CACHE_BYTES / (4 * count)));
  const children = new Map<Interval, readonly [left: Interval, right: Interval]>();
  const [topSeed] = seedSequence(seed, 3, { poolSize: POOL_SIZE });
  const topIncrement = scale(draw(topSeed as number), Math.sqrt(top.end - top.start));

  function draw(from: number): Float32Array {
    return createNoiseGenerator(kind, from).randn(count);
  }

  function halvesOf(interval: Interval): readonly [left: Interval, right: Interval] {
    const known = children.get(interval);
    if (known) return known;
    const { start, end, middle } = interval;
    const halves = [createInterval(start, middle, interval, 0), createInterval(middle, end, interval, 1)] as const;
    children.set(interval, halves);
    return halves;
  }

  /** The intervals that make up from … to, halving those that reach beyond. */
  function* locate(interval: Interval, from: number, to: number): Generator<Interval> {
    if (from <= interval.start && to >= interval.end) {
      yield interval;
      return;
    }
    const [left, right] = halvesOf(interval);
    if (from < interval.middle) yield* locate(left, from, Math.min(to, interval.middle));
    if (to > interval.middle) yield* locate(right, Math.max(from, interval.middle), to);
  }

  function incrementOf(interval: Interval): Float32Array {
    if (interval.parent === undefined) return topIncrement;
    const known = cache.get(interval);
    if (known) return known;
    const [left, right] = splitIncrement(interval.parent);
    const [leftHalf, rightHalf] = halvesOf(interval.parent);
    keep(leftHalf, left);
    keep(rightHalf, right);
    return interval === leftHalf ? left : right;
  }

  function keep(interval: Interval, increment: Float32Array): void {
    // The oldest goes first.
    if (cache.size >= cacheSize) cache.delete(cache.keys().next().value as Interval);
    cache.set(interval, increment);
  }

  /** One draw gives both halves: what is not in the left one is in the right one. */
  function splitIncrement(interval: Interval): [left: Float32Array, right: Float32Array] {
    const whole = incrementOf(interval);
    const spawnKey = [interval.index, interval.depth];
    const [noiseSeed] = seedSequence(seed, 4, { spawnKey, poolSize: POOL_SIZE });
    const left = drawLeft(interval, whole, draw(noiseSeed as number));
    return [left, whole.map((value, i) => value - (left[i] as number))];
  }

  return (from, to) => {
    const start = roundTime(Math.min(Math.max(from, top.start), top.end));
    const end = roundTime(Math.min(Math.max(to, top.start), top.end));
    const sum = new Float32Array(count);
    if (start >= end) return sum;
    for (const interval of locate(top, start, end)) {
      for (const [i, value] of incrementOf(interval).entries()) sum[i] = (sum[i] as number) + value;
    }
    return sum;
  };
}

/** The increment over the left half, given that over the whole: a Brownian bridge. */
function drawLeft({ start, middle, end }: Interval, whole: Float32Array, noise: Float32Array): Float32Array {
  const left = middle - start;
  const reciprocal = 1 / (end - start);
  // In float32 and in the original's order, so that the values are the same.
  const [leftFactor, reciprocalFactor] = [fround(left), fround(reciprocal)];
  const deviation = fround(Math.sqrt(left * (end - middle) * reciprocal));
  for (const [i, value] of noise.entries()) {
    noise[i] = fround(fround(leftFactor * (whole[i] as number)) * reciprocalFactor) + fround(deviation * value);
  }
  return noise;
}

function createInterval(start: number, end: number, parent?: Interval, side: 0 | 1 = 0): Interval {
  const from = roundTime(start);
  const to = roundTime(end);
  return {
    start: from,
    end: to,
    middle: roundTime(0.5 * (to + from)),
    depth: parent === undefined ? 0 : parent.depth + 1,
    index: parent === undefined ? 0 : 2 * parent.index + side,
    parent,
  };
}

/** Where halving ends. */
function roundTime(time: number): number {
  return Number(time.toFixed(DECIMALS));
}

function scale(values: Float32Array, factor: number): Float32Array {
  const rounded = fround(factor);
  return values.map((value) => value * rounded);
}
