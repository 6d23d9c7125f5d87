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

/** The work of a job as so many pictures of one size and, on average, so many steps. */
export type WorkShape = Pick<GenerateSettings, 'width' | 'height' | 'steps' | 'count'>;

/** How much there is to draw; the sheet of a grid takes next to nothing. */
export function workShape({
  width,
  height,
  steps,
  count,
  grid,
}: WorkShape & Pick<GenerateSettings, 'grid'>): WorkShape {
  if (grid === undefined) return { width, height, steps, count };
  const cells = gridPairs(grid).map(({ column, row }) => row.steps ?? column.steps ?? steps);
  return { width, height, steps: cells.reduce((sum, cell) => sum + cell, 0) / cells.length, count: cells.length };
}
