import type { GpuPrice } from '../jobs/price.ts';

/** The day of these prices. Update all of them together. */
const PRICE_DATE = '2026-07-01';

/** US dollars an hour, Linux, on-demand, us-east-1; other regions cost up to a third more. */
const ON_DEMAND_PER_HOUR: Readonly<Record<string, number>> = {
  'g4dn.xlarge': 0.526,
  'g5.xlarge': 1.006,
  'g6.xlarge': 0.8048,
};

/** What ECS Managed Instances cost on top of the machine. */
const MANAGEMENT_FEE = 0.12;
/** Spot costs some 30 to 70% of on-demand and moves all the time; the bill has what it was. */
const SPOT_SHARE = 0.5;

export type CapacityKind = 'spot' | 'on-demand';

/** What an hour of a worker costs; `undefined` for machines that are not on the list. */
export const gpuPriceOf = (instanceType: string, capacity: CapacityKind): GpuPrice | undefined => {
  const perHour = ON_DEMAND_PER_HOUR[instanceType];
  if (perHour === undefined) return undefined;
  // The fee is on the on-demand price, whatever the machine itself costs.
  const machine = capacity === 'spot' ? perHour * SPOT_SHARE : perHour;
  return { perHour: machine + perHour * MANAGEMENT_FEE, currency: 'USD', priceDate: PRICE_DATE };
};
