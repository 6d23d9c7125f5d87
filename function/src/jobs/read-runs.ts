import type { RunSample } from './job-store.ts';

/** Runs out of the JSON that they are kept in. What older servers kept in another form is left out. */
export const readRuns = (texts: readonly string[]): RunSample[] =>
  texts.flatMap((text) => {
    const { work, timings, usage } = JSON.parse(text) as Partial<RunSample>;
    return work === undefined || timings === undefined || usage === undefined ? [] : [{ work, timings, usage }];
  });
