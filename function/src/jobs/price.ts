import type { JobUsage } from '@safelight/sdk/contract';

/** What a worker's time costs. */
export interface GpuPrice {
  /** For an hour of one worker. */
  perHour: number;
  /** ISO 4217, such as USD. */
  currency: string;
  /** The day of the price list, YYYY-MM-DD. */
  priceDate: string;
}

const SECONDS_PER_HOUR = 3600;
/** A millionth: a second of a cheap GPU costs some hundred of them. */
const PRECISION = 1e6;

/** What so much of a worker's time is: with a price where it has one. */
export const usageOf = (gpuSeconds: number, price: GpuPrice | undefined): JobUsage => {
  if (price === undefined) return { gpuSeconds };
  const { perHour, currency, priceDate } = price;
  const amount = Math.round(((gpuSeconds * perHour) / SECONDS_PER_HOUR) * PRECISION) / PRECISION;
  return { gpuSeconds, price: { amount, currency, priceDate } };
};
