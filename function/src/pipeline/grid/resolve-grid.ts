import { type GenerateSettings, type Grid, MAX_GRID_CELLS, type ParsedGenerateInput } from '@safelight/sdk/contract';
import { FunctionError } from '../../errors.ts';
import { type GridEntry, gridPairs } from '../../grid.ts';
import { addUp, promptLoras } from '../prompt/networks.ts';
import { changed } from './grid-cells.ts';

/** A job's record must hold them all. */
const MAX_TEXT = 50_000;

type Axis = readonly GridEntry[];
type Field = keyof GridEntry;

/**
 * Checks every picture of a grid, and fills in the axes what they leave open, so that the same settings give the same
 * pictures again. All pictures have the same seed, unless that is what is varied.
 * @param resolve Settings of one picture.
 * @returns the settings of the first picture, with the grid.
 * @throws FunctionError `invalid_input` naming the field, such as `grid.x.1.steps`.
 */
export function resolveGrid(
  input: Omit<ParsedGenerateInput, 'grid'>,
  grid: Grid,
  resolve: (input: Omit<ParsedGenerateInput, 'grid'>) => GenerateSettings,
  randomSeed: () => number,
): GenerateSettings {
  checkShape(input, grid);
  const { x, y } = grid;
  const varies = (field: Field, axis: Axis | undefined) => axis?.some((entry) => entry[field] !== undefined) ?? false;
  const hasOpenSubseed =
    [x, y].some((axis) => varies('subseedStrength', axis)) && !varies('subseed', x) && !varies('subseed', y);
  const subseed = hasOpenSubseed ? { subseed: input.subseed ?? randomSeed() } : {};
  const base = { ...input, seed: input.seed ?? randomSeed(), ...subseed };

  const cells = gridPairs(grid).map((pair, index) => {
    try {
      return resolve(changed(base, pair));
    } catch (error) {
      throw inGrid(error, { x, y }, index);
    }
  });

  // Each set of LoRAs is a model of its own, and a job has one.
  const loras = cells.map((cell) => JSON.stringify(addUp(promptLoras(cell))));
  if (new Set(loras).size > 1)
    throw invalid('grid', 'grid: all its pictures are drawn with the same LoRAs: name the same ones in every prompt');

  /** What an entry's sampler chooses by itself, unless the other axis says it. */
  const fill = (entry: GridEntry, own: GenerateSettings, other: Axis | undefined): GridEntry => {
    const isCrossed = varies('schedule', other) || varies('sampler', other);
    const names = isCrossed ? {} : { sampler: own.sampler, schedule: own.schedule };
    const eta = varies('eta', other) ? {} : { eta: own.eta };
    return {
      ...entry,
      ...(entry.sampler === undefined ? {} : { ...names, ...eta }),
      ...(entry.schedule === undefined || isCrossed ? {} : { schedule: own.schedule }),
      ...(entry.subseedStrength === undefined ? {} : subseed),
    };
  };
  const cellAt = (index: number) => cells[index] as GenerateSettings;
  const filled: Grid = { x: x.map((entry, i) => fill(entry, cellAt(i), y)) };
  if (y !== undefined) filled.y = y.map((entry, i) => fill(entry, cellAt(i * x.length), x));
  return { ...cellAt(0), grid: filled };
}

function checkShape({ count }: Pick<ParsedGenerateInput, 'count'>, grid: Grid): void {
  if (count !== 1) throw invalid('count', 'count must be 1 with a grid: make seed one of its axes for more pictures');
  const pairs = gridPairs(grid);
  if (pairs.length > MAX_GRID_CELLS)
    throw invalid('grid', `grid has ${pairs.length} pictures: at most ${MAX_GRID_CELLS} are drawn in one job`);
  for (const axis of ['x', 'y'] as const) {
    const [first, ...others] = (grid[axis] ?? []).map(fieldsOf);
    const odd = others.findIndex((fields) => fields.join() !== first?.join());
    if (odd !== -1)
      throw invalid(`grid.${axis}.${odd + 1}`, `grid.${axis}: every entry must set the same fields as the first`);
  }
  const shared = fieldsOf(grid.x[0]).find((field) => fieldsOf(grid.y?.[0]).includes(field));
  if (shared !== undefined) throw invalid('grid.y', `grid.y: ${shared} is varied by grid.x already`);
  const texts = [...grid.x, ...(grid.y ?? [])].flatMap((entry) => [entry.prompt ?? '', entry.negativePrompt ?? '']);
  if (texts.join('').length > MAX_TEXT)
    throw invalid('grid', `grid: its prompts are longer than ${MAX_TEXT.toLocaleString('en')} characters together`);
}

const fieldsOf = (entry: GridEntry = {}): Field[] =>
  (Object.keys(entry) as Field[]).filter((field) => entry[field] !== undefined).sort();

/** Names the entry where the field at fault comes from. */
function inGrid(error: unknown, { x, y }: { x: Axis; y: Axis | undefined }, index: number): unknown {
  if (!(error instanceof FunctionError) || error.field === undefined) return error;
  const places = [
    { axis: 'y', at: Math.floor(index / x.length), entry: y?.[Math.floor(index / x.length)] },
    { axis: 'x', at: index % x.length, entry: x[index % x.length] },
  ];
  const place = places.find(({ entry }) => entry !== undefined && error.field !== undefined && error.field in entry);
  if (place === undefined) return error;
  return invalid(`grid.${place.axis}.${place.at}.${error.field}`, `grid.${place.axis}: ${error.message}`);
}

function invalid(field: string, message: string): FunctionError {
  return new FunctionError('invalid_input', message, { field });
}
