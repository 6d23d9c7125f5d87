import { gpuPriceOf } from '@safelight/function/aws/price-list';
import type { Config } from '../config.ts';

/** AWS list prices for us-east-1 in US dollars, without any free tier. Not checked against a bill. */
const PRICES = {
  date: '2026-07',
  s3GbMonth: 0.023,
  ecrGbMonth: 0.1,
  lambdaRequest: 0.2e-6,
  lambdaArmGbSecond: 0.0000133334,
  sqsRequest: 0.4e-6,
  dynamoReadUnit: 0.125e-6,
  logGb: 0.5,
  alarmMonth: 0.1,
} as const;

const RUNS_PER_MONTH = 30 * 24 * 60;
/** Of one run, of either. */
const RUN = { seconds: 0.3, gb: 0.25, logBytes: 700 } as const;
const ALARMS = 6;
/** Container image, compressed: an estimate, see docs/deploy.md. */
const IMAGE_GB = 1.4;
/** A Stable Diffusion v1 model converted for GPUs, in float16. */
const MODEL_GB = 2.1;
/** The playground's files. */
const PLAYGROUND_GB = 0.0005;

export interface CostLine {
  readonly what: string;
  readonly usd: number;
}

/** What the endpoint costs in a month in which nobody calls it. */
export function idleCosts({ models, playground }: Pick<Config, 'models' | 'playground'>): CostLine[] {
  const run =
    PRICES.lambdaRequest +
    RUN.seconds * RUN.gb * PRICES.lambdaArmGbSecond +
    PRICES.sqsRequest +
    PRICES.dynamoReadUnit +
    (RUN.logBytes / 1e9) * PRICES.logGb;
  return [
    {
      what: `${models.length === 1 ? 'model' : `${models.length} models`} in S3 (about ${MODEL_GB} GB each)`,
      usd: models.length * MODEL_GB * PRICES.s3GbMonth,
    },
    { what: `container image in ECR (about ${IMAGE_GB} GB)`, usd: IMAGE_GB * PRICES.ecrGbMonth },
    { what: 'dispatcher and housekeeper, once a minute each', usd: 2 * RUNS_PER_MONTH * run },
    { what: `${ALARMS} alarms (an account’s first ten are free)`, usd: ALARMS * PRICES.alarmMonth },
    ...(playground ? [{ what: 'playground in S3', usd: PLAYGROUND_GB * PRICES.s3GbMonth }] : []),
  ];
}

/** What workers cost while they run, an hour each, by instance type. */
export function workerCosts({ workers }: Pick<Config, 'workers'>): CostLine[] {
  const kinds = {
    'spot-only': ['spot'],
    'on-demand-only': ['on-demand'],
    'spot-then-on-demand': ['spot', 'on-demand'],
  } as const;
  return workers.instanceTypes.flatMap((type) =>
    kinds[workers.capacity].flatMap((kind) => {
      const price = gpuPriceOf(type, kind);
      return price === undefined ? [] : [{ what: `${type}, ${kind}`, usd: price.perHour }];
    }),
  );
}

/** The most that an hour can cost: all workers on the dearest machine. */
export function dearestHour(config: Pick<Config, 'workers'>): number {
  return config.workers.max * Math.max(0, ...workerCosts(config).map(({ usd }) => usd));
}

/** A table for the terminal. */
export function costReport(config: Config): string {
  const idle = idleCosts(config);
  const total = idle.reduce((sum, { usd }) => sum + usd, 0);
  const row = ({ what, usd }: CostLine) => `  ${what.padEnd(52)} $${usd.toFixed(2)}`;
  return [
    `A month in which nobody calls (us-east-1, ${PRICES.date}, without free tiers):`,
    ...idle.map(row),
    row({ what: 'together', usd: total }),
    'An hour of a worker, while it runs; spot is an estimate:',
    ...workerCosts(config).map(row),
    row({ what: `the most an hour can cost: ${config.workers.max} workers`, usd: dearestHour(config) }),
  ].join('\n');
}
