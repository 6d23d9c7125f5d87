import { exponential, seededRandom } from './random.ts';

export interface Scenario {
  readonly name: string;
  readonly description: string;
  /** When jobs come, in seconds, in order. */
  arrivals(seed: number): number[];
}

const HOUR = 3600;
const DAY = 24 * HOUR;

export const SCENARIOS = [
  {
    name: 'quiet app',
    description: '100 pictures a day for a week, most of them in the evening, one to four at a time',
    arrivals: (seed) => visits(seed, { days: 7, visitsPerDay: 40, picturesPerVisit: [1, 4], secondsApart: 40 }),
  },
  {
    name: 'busy day',
    description: '20,000 pictures in a day, most of them in the evening, one to ten at a time',
    arrivals: (seed) => visits(seed, { days: 1, visitsPerDay: 3636, picturesPerVisit: [1, 10], secondsApart: 20 }),
  },
  {
    name: 'burst',
    description: '10,000 pictures asked for within a minute',
    arrivals: () => Array.from({ length: 10_000 }, (_, index) => (index * 60) / 10_000),
  },
] as const satisfies readonly Scenario[];

interface Visits {
  days: number;
  visitsPerDay: number;
  picturesPerVisit: readonly [number, number];
  /** Mean time between a visitor's pictures. */
  secondsApart: number;
}

/** People come by themselves, more of them at eight in the evening than at eight in the morning. */
function visits(seed: number, { days, visitsPerDay, picturesPerVisit, secondsApart }: Visits): number[] {
  const random = seededRandom(seed);
  const [fewest, most] = picturesPerVisit;
  const arrivals: number[] = [];
  // Thinning: candidates at the evening's rate, kept as the hour has it (Lewis and Shedler 1979).
  for (let at = 0; ; ) {
    at += exponential(random, (2 * visitsPerDay) / DAY);
    if (at >= days * DAY) break;
    if (random() * 2 > rateAt(at)) continue;
    const pictures = fewest + Math.floor(random() * (most - fewest + 1));
    let time = at;
    for (let picture = 0; picture < pictures; picture++) {
      arrivals.push(time);
      time += exponential(random, 1 / secondsApart);
    }
  }
  return arrivals.sort((a, b) => a - b);
}

/** From 0.1 at eight in the morning to 1.9 at eight in the evening; the day's mean is 1. */
const rateAt = (seconds: number): number => 1 + 0.9 * Math.cos(((seconds - 20 * HOUR) / DAY) * 2 * Math.PI);
