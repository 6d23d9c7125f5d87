/** Plays the scenarios and writes their table and plot into docs/simulation.md: `npm run simulate`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DispatchPolicy } from '../../../function/src/dispatcher/decide.ts';
import { DEFAULTS, type Measured, measure } from './measure.ts';
import { plot, type Series } from './plot.ts';
import { SCENARIOS } from './scenarios.ts';

const DOCS = join(import.meta.dirname, '../../../docs');
const [quiet, busy, burst] = SCENARIOS;

const duration = (seconds: number): string => {
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  return seconds < 6000 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
};

const row = (name: string, { p50, p95, p99, slowShare, usdPerThousand, workersStarted }: Measured): string => {
  const cells = [name, duration(p50), duration(p95), duration(p99), `${(slowShare * 100).toFixed(0)}%`];
  return `| ${[...cells, workersStarted.toFixed(0), `$${usdPerThousand.toFixed(2)}`].join(' | ')} |`;
};
const header = (first: string): string[] => [
  `| ${first} | median | 95% within | 99% within | over a minute | workers started | per 1000 pictures |`,
  '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
];

interface Sweep {
  scenario: (typeof SCENARIOS)[number];
  setting: keyof DispatchPolicy;
  values: readonly number[];
  unit: string;
}
const SWEEPS: readonly Sweep[] = [
  { scenario: quiet, setting: 'idleSeconds', values: [30, 60, 120, 300, 600, 1800], unit: 's' },
  { scenario: busy, setting: 'idleSeconds', values: [30, 60, 120, 300, 600, 1800], unit: 's' },
  { scenario: busy, setting: 'messagesPerWorker', values: [1, 5, 10, 20, 40], unit: '' },
  { scenario: burst, setting: 'maxWorkers', values: [1, 2, 4, 8, 16, 32], unit: '' },
  { scenario: quiet, setting: 'keepWarmSeconds', values: [0, 900, 3600], unit: 's' },
];
const COLORS = ['#1b6ca8', '#c0392b', '#7d3c98', '#2e7d32', '#b9770e'];

const lines = [
  ...header('scenario'),
  ...SCENARIOS.map((scenario) => row(`${scenario.name}: ${scenario.description}`, measure(scenario))),
];
const series: Series[] = [];
for (const [index, { scenario, setting, values, unit }] of SWEEPS.entries()) {
  const measured = values.map((value) => ({ value, result: measure(scenario, { [setting]: value }) }));
  const mark = (value: number) => (value === DEFAULTS[setting] ? ' (default)' : '');
  lines.push('', ...header(`${scenario.name}, \`${setting}\``));
  lines.push(...measured.map(({ value, result }) => row(`${value}${unit && ` ${unit}`}${mark(value)}`, result)));
  if (setting === 'keepWarmSeconds') continue;
  const points = measured.map(({ value, result }) => ({ x: result.usdPerThousand, y: result.p95, label: `${value}` }));
  series.push({ name: `${scenario.name}: ${setting}`, color: COLORS[index] ?? '#000000', points });
}

const page = join(DOCS, 'simulation.md');
const [start, end] = ['<!-- results -->', '<!-- end of results -->'];
const [before, after] = [(await readFile(page, 'utf8')).split(start)[0], (await readFile(page, 'utf8')).split(end)[1]];
await writeFile(page, `${before}${start}\n\n${lines.join('\n')}\n\n${end}${after}`);
const picture = plot({
  title: 'What waiting less costs',
  ...{ xLabel: 'US dollars per 1000 pictures', yLabel: '95% of pictures within (s)', series },
});
await writeFile(join(DOCS, 'images/simulation.svg'), picture);
process.stdout.write(`${lines.join('\n')}\n`);
