import type { GenerateInput, Job } from '@safelight/sdk';
import { useCallback, useEffect, useState } from 'react';
import { type Axis, cellSettings, type Grid } from '../lib/grid.ts';
import { type Settings, toInput } from '../lib/settings.ts';

const STORAGE_KEY = 'safelight.grid';

/** Pictures side by side. */
export interface Comparison {
  grid: Grid | undefined;
  /** Sends one job after the other. @throws what the SDK throws; what was sent until then is drawn. */
  start(settings: Settings, x: Axis, y: Axis | undefined): Promise<void>;
  close(): void;
}

/** The grid on the page, if there is one. It survives a reload, in this tab only. */
export function useGrid(submit: (input: GenerateInput) => Promise<Job>): Comparison {
  const [grid, setGrid] = useState<Grid | undefined>(readStored);
  useEffect(() => {
    if (grid === undefined) sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, JSON.stringify(grid));
  }, [grid]);

  const start = useCallback(
    async (settings: Settings, x: Axis, y: Axis | undefined) => {
      const jobIds: string[] = [];
      for (const cell of cellSettings(settings, x, y)) {
        jobIds.push((await submit(toInput(cell))).id);
        setGrid({ x, y, jobIds: [...jobIds] });
      }
    },
    [submit],
  );
  const close = useCallback(() => setGrid(undefined), []);
  return { grid, start, close };
}

function readStored(): Grid | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}
