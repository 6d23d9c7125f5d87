import { randomSeed, type Settings, type TextField } from './settings.ts';

/** More are a long wait, and too small to compare. */
export const MAX_CELLS = 36;

/** The settings that can be compared, by their labels. */
export const axisLabels = {
  steps: 'Steps',
  guidanceScale: 'Guidance',
  sampler: 'Sampler',
  schedule: 'Schedule',
  seed: 'Seed',
  strength: 'Strength',
  prompt: 'Prompt',
} as const satisfies Partial<Record<TextField, string>>;
export type AxisField = keyof typeof axisLabels;

/** One direction of a grid. */
export interface Axis {
  field: AxisField;
  values: readonly string[];
}

/** Pictures that differ in one or two settings, side by side. */
export interface Grid {
  x: Axis;
  y: Axis | undefined;
  /** The jobs row by row; those that are not sent yet are missing. */
  jobIds: readonly string[];
}

/** Values with commas between them; prompts, which have commas themselves, with bars. */
export function parseValues(field: AxisField, text: string): string[] {
  const separator = field === 'prompt' ? '|' : ',';
  const values = text.split(separator).map((value) => value.trim());
  return [...new Set(values.filter((value) => value !== ''))];
}

export const cellCount = (x: Axis, y: Axis | undefined): number => x.values.length * (y?.values.length ?? 1);

/** The settings of every cell, row by row. All have the same seed, unless that is what is compared. */
export function cellSettings(settings: Settings, x: Axis, y: Axis | undefined): Settings[] {
  const base = { ...settings, count: '1', seed: settings.seed === '' ? randomSeed() : settings.seed };
  const rows = y === undefined ? [base] : y.values.map((value) => ({ ...base, [y.field]: value }));
  return rows.flatMap((row) => x.values.map((value) => ({ ...row, [x.field]: value })));
}
