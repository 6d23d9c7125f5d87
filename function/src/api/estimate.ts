import type { Estimate, GenerateSettings, Timings } from '@safelight/sdk/contract';
import type { RunSample } from '../jobs/job-store.ts';
import { type GpuPrice, usageOf } from '../jobs/price.ts';
import { type Work, workOf } from '../work.ts';

/** The middle one: a run that had to load the model, or shared its machine, does not count for more than one. */
const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
};

/** How long a worker was at a job, its companions' work included. */
const workedMs = ({ loadMs, downloadMs = 0, encodeMs, denoiseMs, decodeMs, uploadMs }: Timings): number =>
  Math.max(1, loadMs + downloadMs + encodeMs + denoiseMs + decodeMs + uploadMs);

interface Expected {
  /** From the job's start to its end, without loading. */
  seconds: number;
  /** Those that it pays for: less where the latest jobs had companions. */
  billedSeconds: number;
}

/** What so much work would take at the pace of earlier jobs; `undefined` where none of them tells. */
const expectTime = (work: Work, earlier: readonly RunSample[]): Expected | undefined => {
  // A picture that is sent and kept as it is, with a strength of 0, says nothing about drawing.
  const runs = earlier.filter((run) => run.work.denoised > 0);
  if (runs.length === 0) return undefined;
  const denoiseMs = median(runs.map((run) => run.timings.denoiseMs / run.work.denoised));
  const decodeMs = median(runs.map(({ timings, work }) => (timings.decodeMs + timings.uploadMs) / work.decoded));
  const fixedMs = median(runs.map((run) => run.timings.encodeMs));
  const seconds = (denoiseMs * work.denoised + decodeMs * work.decoded + fixedMs) / 1000;
  const share = median(runs.map(({ timings, usage }) => (1000 * usage.gpuSeconds) / workedMs(timings)));
  return { seconds, billedSeconds: seconds * share };
};

export interface EstimateOptions {
  runs: readonly RunSample[];
  queued: number;
  gpuPrice: GpuPrice | undefined;
}

/** What a job with these settings would take. */
export const estimate = (settings: GenerateSettings, { runs, queued, gpuPrice }: EstimateOptions): Estimate => {
  const expected = expectTime(workOf(settings), runs);
  if (expected === undefined) return { queued };
  const { price } = usageOf(expected.billedSeconds, gpuPrice);
  return { seconds: expected.seconds, queued, ...(price === undefined ? {} : { price }) };
};
