import type { UsageEntry } from '@safelight/sdk/contract';
import type { JobBill } from './job-item.ts';

/** Adds bills up by day and currency; they come in the order of their days. */
export const sumBills = (owner: string, bills: readonly { day: string; bill: JobBill }[]): UsageEntry[] => {
  const entries = new Map<string, UsageEntry>();
  for (const { day, bill } of bills) {
    const currency = bill.price?.currency;
    const key = `${day} ${currency ?? ''}`;
    const sum = entries.get(key) ?? { day, key: owner, jobs: 0, images: 0, gpuSeconds: 0 };
    const amount = (sum.price?.amount ?? 0) + (bill.price?.amount ?? 0);
    entries.set(key, {
      ...sum,
      jobs: sum.jobs + 1,
      images: sum.images + bill.images,
      gpuSeconds: sum.gpuSeconds + bill.gpuSeconds,
      ...(currency === undefined ? {} : { price: { amount, currency } }),
    });
  }
  return [...entries.values()];
};
