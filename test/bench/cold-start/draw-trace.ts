import type { Span } from '../../../function/src/timeline.ts';

export interface TraceParams {
  readonly title: string;
  readonly spans: readonly Span[];
  /** When the picture was stored, in milliseconds after the process' start. */
  readonly storedMs: number;
}

/** What names begin with, from top to bottom; the rest is the process' own. */
const KINDS = [
  { prefix: '', label: 'process', color: '#6b7280' },
  { prefix: 'fetch.', label: 'from S3', color: '#2563eb' },
  { prefix: 'create.', label: 'session', color: '#c2410c' },
  { prefix: 'warm_up.', label: 'warm-up', color: '#ca8a04' },
  { prefix: 'job.', label: 'the picture', color: '#15803d' },
] as const;

const WIDTH = 760;
const ROW = 22;
const MARGIN = { left: 190, right: 60, top: 64, bottom: 44 };

/** Bars over time, as SVG that shows on light and dark pages. */
export function drawTrace({ title, spans, storedMs }: TraceParams): string {
  const rows = [...spans].sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
  const height = MARGIN.top + rows.length * ROW + MARGIN.bottom;
  const bottom = height - MARGIN.bottom;
  const at = (ms: number) => MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * ms) / storedMs;
  const text = (x: number, y: number, content: string, extra = '') =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${extra}>${content}</text>`;
  const stepMs = [100, 200, 500, 1000, 2000, 5000, 10_000].find((step) => storedMs / step <= 10) ?? 20_000;
  const ticks = Array.from({ length: Math.floor(storedMs / stepMs) + 1 }, (_, i) => i * stepMs);
  const bars = rows.flatMap(({ name, startMs, endMs }, row) => {
    const { color } = kindOf(name);
    const y = MARGIN.top + row * ROW;
    // What took no time can still be seen.
    const width = Math.max(at(endMs) - at(startMs), 1.5);
    return [
      text(MARGIN.left - 8, y + 15, name.replace('.', ' ').replaceAll('_', ' '), 'text-anchor="end"'),
      `<rect x="${at(startMs).toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 6}" rx="2" fill="${color}"/>`,
      text(at(startMs) + width + 5, y + 15, seconds(endMs - startMs), `fill="${color}" font-size="11"`),
    ];
  });
  const legend = KINDS.map(({ label, color }, i) =>
    text(MARGIN.left + i * 100, MARGIN.top - 14, label, `fill="${color}" font-weight="bold"`),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(WIDTH / 2, 24, title, 'text-anchor="middle" font-size="15"'),
    `<g stroke="#dddddd">${ticks.map((ms) => `<line x1="${at(ms).toFixed(1)}" x2="${at(ms).toFixed(1)}" y1="${MARGIN.top}" y2="${bottom}"/>`).join('')}</g>`,
    ...ticks.map((ms) => text(at(ms), bottom + 16, seconds(ms), 'text-anchor="middle"')),
    ...legend,
    ...bars,
    text(WIDTH / 2, height - 10, 'since the process started', 'text-anchor="middle"'),
    '</svg>\n',
  ].join('\n');
}

function kindOf(name: string) {
  return KINDS.find(({ prefix }) => prefix !== '' && name.startsWith(prefix)) ?? KINDS[0];
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
