import type { Estimate, GenerateSettings } from '@safelight/sdk/contract';
import { type WorkShape, workShape } from '../grid.ts';
import type { RunSample } from '../jobs/job-store.ts';
import { type GpuPrice, usageOf } from '../jobs/price.ts';

/** Steps times latent cells times pictures: what denoising time grows with. */
const denoisingWork = ({ width, height, steps, count }: RunSample['settings']): number =>
  width * height * steps * count;
const pixels = ({ width, height, count }: RunSample['settings']): number => width * height * count;

/** The middle one: a run that had to load the model, or shared its machine, does not count for more than one. */
const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
};

/** Seconds that a job would take, scaled by its size from what earlier ones took; `undefined` without any. */
export const estimateSeconds = (settings: WorkShape, runs: readonly RunSample[]): number | undefined => {
  if (runs.length === 0) return undefined;
  const denoiseMs = median(runs.map((run) => run.timings.denoiseMs / denoisingWork(run.settings)));
  const decodeMs = median(runs.map((run) => (run.timings.decodeMs + run.timings.uploadMs) / pixels(run.settings)));
  const fixedMs = median(runs.map((run) => run.timings.encodeMs));
  return (denoiseMs * denoisingWork(settings) + decodeMs * pixels(settings) + fixedMs) / 1000;
};

export interface EstimateOptions {
  runs: readonly RunSample[];
  queued: number;
  gpuPrice: GpuPrice | undefined;
}

/** What a job with these settings would take. */
export const estimate = (settings: GenerateSettings, { runs, queued, gpuPrice }: EstimateOptions): Estimate => {
  const seconds = estimateSeconds(workShape(settings), runs);
  if (seconds === undefined) return { queued };
  const { price } = usageOf(seconds, gpuPrice);
  return { seconds, queued, ...(price === undefined ? {} : { price }) };
};
