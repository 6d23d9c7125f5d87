import type { GenerateSettings, Grid } from '@safelight/sdk/contract';

/** What a column or a row changes. */
export type GridEntry = Grid['x'][number];

/** Every pair of a row and a column, row by row; the row's entry is empty where there is one row only. */
export function gridPairs({ x, y = [{}] }: Grid): { column: GridEntry; row: GridEntry }[] {
  return y.flatMap((row) => x.map((column) => ({ column, row })));
}

/** How many pictures a job has, the sheet of a grid included. */
export function pictureCount({ count, grid }: Pick<GenerateSettings, 'count' | 'grid'>): number {
  return grid === undefined ? count : gridPairs(grid).length + 1;
}

/** How many steps a job asks for, those of all its pictures together. */
export function askedSteps({ steps, count, grid }: Pick<GenerateSettings, 'steps' | 'count' | 'grid'>): number {
  if (grid === undefined) return steps * count;
  return gridPairs(grid).reduce((sum, { column, row }) => sum + (row.steps ?? column.steps ?? steps), 0);
}
