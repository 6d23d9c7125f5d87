import type { DispatchPolicy } from '../../../function/src/dispatcher/decide.ts';
import { config } from '../../../infra/safelight.config.ts';
import { dispatchPolicy } from '../../../infra/src/constructs/dispatcher.ts';
import { ASSUMPTIONS } from './assumptions.ts';
import type { Scenario } from './scenarios.ts';
import { simulate } from './simulate.ts';

/** Each scenario is played with these seeds, and the results put together. */
const SEEDS = [1, 2, 3, 4, 5];

/** What the deployment comes with. */
export const DEFAULTS: DispatchPolicy = dispatchPolicy(config.workers);

export interface Measured {
  /** Seconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly usdPerThousand: number;
  /** Share of pictures that waited longer than a minute. */
  readonly slowShare: number;
  readonly workersStarted: number;
}

/** How a scenario goes under the defaults, but for what is changed. */
export function measure(scenario: Scenario, changes: Partial<DispatchPolicy> = {}): Measured {
  const policy = { ...DEFAULTS, ...changes };
  const runs = SEEDS.map((seed) =>
    simulate({ arrivals: scenario.arrivals(seed), policy, assumptions: ASSUMPTIONS, seed }),
  );
  const latencies = runs.flatMap((run) => run.latencies).sort((a, b) => a - b);
  const sum = (pick: (run: (typeof runs)[number]) => number) => runs.reduce((total, run) => total + pick(run), 0);
  const percentile = (share: number): number => latencies[Math.ceil(share * latencies.length) - 1] ?? Number.NaN;
  return {
    ...{ p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
    usdPerThousand: (sum(({ usd }) => usd) / latencies.length) * 1000,
    slowShare: latencies.filter((seconds) => seconds > 60).length / latencies.length,
    workersStarted: sum(({ workersStarted }) => workersStarted) / SEEDS.length,
  };
}
