import type { GenerateSettings, ModelInfo } from '@safelight/sdk/contract';
import { type GridEntry, gridPairs } from '../../grid.ts';
import { resolvePicture } from '../resolve-picture.ts';

/** What is drawn in a column and a row. Fields that an entry has without a value change nothing. */
export function changed<Base extends object>(base: Base, { column, row }: { column: GridEntry; row: GridEntry }): Base {
  const changes = [...Object.entries(column), ...Object.entries(row)].filter(([, value]) => value !== undefined);
  return { ...base, ...Object.fromEntries(changes) };
}

/** The settings of every picture of a grid, row by row: those of the picture drawn alone. */
export function cellSettings({ grid, ...settings }: GenerateSettings, model: ModelInfo): GenerateSettings[] {
  const base = { ...settings, promptSyntax: settings.promptSyntax ?? ('plain' as const) };
  const neverRandom = () => {
    throw new Error('The settings of a grid leave a seed open');
  };
  return gridPairs(grid ?? { x: [{}] }).map(({ column, row }) =>
    resolvePicture(changed(base, { column, row }), model, neverRandom),
  );
}
